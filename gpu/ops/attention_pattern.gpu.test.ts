import { describe, expect, test } from "vitest";
import { expectClose, exact, printed } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { attention } from "./attention.ts";
import { attentionBounds, entropyBound, rowSumBound, weightedSumBounds } from "./attention.bounds.ts";
import { fusedWidth } from "./attention_layout.ts";
import {
  attentionEntropy,
  attentionFromPattern,
  attentionFromPatternTwin,
  attentionPattern,
  attentionScores,
  attentionScoresTwin,
  causalSoftmaxTwin,
  patternFromScores,
  rowEntropyTwin,
} from "./attention_pattern.ts";
import { attentionTwin } from "./attention_twin.ts";

const cases = [
  { batch: 1, nHead: 1, nKvHead: 1, seqLen: 1, dHead: 4 },
  { batch: 2, nHead: 4, nKvHead: 2, seqLen: 13, dHead: 8 },
  { batch: 1, nHead: 3, nKvHead: 1, seqLen: 65, dHead: 20 },
  { batch: 1, nHead: 2, nKvHead: 2, seqLen: 130, dHead: 4 },
] as const;

describe.each(cases)("attention spelt out, %j", (shape) => {
  const { batch, nHead, seqLen } = shape;
  const nRows = batch * seqLen;
  const width = fusedWidth(shape);
  const square = [batch, nHead, seqLen, seqLen];

  test("integer scores and sums, exactly", async () => {
    const gpu = await testGpu();
    const [qs, ps] = [integers(nRows * width, 1), integers(batch * nHead * seqLen * seqLen, 2)];
    const [qkv, p] = [gpu.upload(qs, [nRows, width], "qkv"), gpu.upload(ps, square, "p")];
    const options = { ...shape, scale: 0.25 };
    const [scores, out] = await evaluate(gpu, (r) => [attentionScores(r, qkv, options), attentionFromPattern(r, p, qkv, shape)]);
    expectClose(scores!, attentionScoresTwin(qs, options).map(Math.fround), exact, "scores");
    expectClose(out!, attentionFromPatternTwin(ps, qs, shape), exact, "out");
    gpu.free(qkv, p);
  });

  test("floats against the twins; rows sum to 1, zeros above the diagonal", async () => {
    const gpu = await testGpu();
    const qs = floats(nRows * width, 3);
    const qkv = gpu.upload(qs, [nRows, width], "qkv");
    const [scores, pattern, entropy, out, flash] = await evaluate(gpu, (r) => {
      const p = attentionPattern(r, qkv, shape);
      return [attentionScores(r, qkv, shape), p, attentionEntropy(r, p), attentionFromPattern(r, p, qkv, shape), attention(r, qkv, shape)];
    });
    const twin = attentionTwin(qs, shape);
    const bounds = attentionBounds(qs, shape);
    const above = (i: number) => i % seqLen > Math.floor(i / seqLen) % seqLen;
    expectClose(scores!, twin.scores.map((s, i) => (above(i) ? Math.fround(s) : s)), (i) => bounds.scores[i]!, "scores");
    expectClose(pattern!, twin.pattern, (i) => bounds.pattern[i]!, "pattern");
    for (let row = 0; row < pattern!.length / seqLen; row++) {
      const p = pattern!.subarray(row * seqLen, (row + 1) * seqLen);
      expectClose(p.reduce((a, b) => a + b, 0), 1, rowSumBound(seqLen), `row ${row}`);
      expectClose(p.subarray((row % seqLen) + 1), new Float32Array(seqLen - 1 - (row % seqLen)), exact, `row ${row} above the diagonal`);
    }
    expectClose(entropy!, rowEntropyTwin(pattern!, seqLen), (i) => entropyBound(pattern!.subarray(i * seqLen, (i + 1) * seqLen)), "entropy");
    const sums = weightedSumBounds(pattern!, qs, shape);
    expectClose(out!, attentionFromPatternTwin(pattern!, qs, shape), (i) => sums[i]!, "out");
    expectClose(flash!, twin.out, (i) => bounds.out[i]!, "without a pattern");
    gpu.free(qkv);
  });
});

describe("attention spelt out", () => {
  test("worked rows of causal attention", async () => {
    const gpu = await testGpu();
    const rows = [0, 9, 9, 9, 1, 0, 9, 9, 0, 1, 2, 9, 2, 0, 1, 1];
    const expected = [1, 0, 0, 0, 0.731059, 0.268941, 0, 0, 0.090031, 0.244728, 0.665241, 0, 0.534447, 0.072329, 0.196612, 0.196612];
    const scores = gpu.upload(Float32Array.from(rows), [1, 1, 4, 4], "scores");
    const shifted = gpu.upload(Float32Array.from(rows, (x) => x + 64), [1, 1, 4, 4], "shifted");
    const [p, same] = await evaluate(gpu, (r) => [patternFromScores(r, scores), patternFromScores(r, shifted)]);
    expectClose(p!, expected, (i) => printed(6) + rowSumBound(4) * expected[i]!, "pattern");
    expectClose(causalSoftmaxTwin(rows, 4), expected, () => printed(6), "twin");
    expectClose(same!, p!, exact, "one constant added to every score");
    gpu.free(scores, shifted);
  });

  test("the entropy of n equal probabilities is ln n", async () => {
    const gpu = await testGpu();
    const p = gpu.upload(new Float32Array(8).fill(0.25).fill(0, 4), [1, 1, 1, 8], "p");
    const [e] = await evaluate(gpu, (r) => [attentionEntropy(r, p)]);
    expectClose(e!, [Math.log(4)], entropyBound([0.25, 0.25, 0.25, 0.25]), "entropy");
    gpu.free(p);
  });

  test("refuses a pattern of another size", async () => {
    const gpu = await testGpu();
    const [qkv, p] = [gpu.upload(floats(24, 1), [2, 12], "qkv"), gpu.upload(floats(9, 1), [1, 1, 3, 3], "p")];
    const error = await refusal(gpu, (r) => [attentionFromPattern(r, p, qkv, { batch: 1, nHead: 1, nKvHead: 1, seqLen: 2, dHead: 4 })]);
    expect(error.message).toBe("attentionFromPattern: pattern is [1,1,3,3], expected [1,1,2,2]");
    gpu.free(qkv, p);
  });
});
