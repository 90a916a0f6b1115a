import { describe, expect, test } from "vitest";
import { Random } from "../../lib/random.ts";
import {
  builtin,
  exact,
  expectClose,
  float64,
  gamma,
  gradientTwin,
  printed,
  sumBound,
  TINY,
  U,
} from "../../lib/testing/close.ts";
import { dot, floats, numericGradient } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { reverseRows, runOp } from "../testing/run_op.ts";
import { crossEntropy, logProbOf, nllBackwardTwin, nllTwin, rowLse } from "./cross_entropy.ts";

/** [rows, columns] */
const sizes = [
  [1, 2],
  [3, 7],
  [5, 64],
  [4, 257],
  [7, 2049],
  [2, 150000],
  [66000, 2],
] as const;

interface Case {
  readonly logits: Float32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
}

/** Rows with huge and with equal logits, rows of weight 0 without a target, and one target beyond the columns. */
function makeCase(nRows: number, dVocab: number, seed: number): Case {
  const random = new Random(seed, "targets");
  const logits = floats(nRows * dVocab, seed);
  if (nRows > 2) {
    logits.fill(2.5, dVocab, 2 * dVocab);
    for (let v = 0; v < dVocab; v++) logits[2 * dVocab + v] = v % 2 === 0 ? 1e4 : -1e4;
  }
  const targets = Uint32Array.from({ length: nRows }, () => random.int(dVocab));
  const weights = Float32Array.from({ length: nRows }, () => random.next() + 0.1);
  if (nRows > 3) {
    weights[3] = 0;
    targets[3] = 0xffffffff;
  }
  if (nRows > 4) targets[4] = dVocab;
  return { logits, targets, weights };
}

/** Relative error of Σ exp: what one lane adds in turn, then the tree; exp of a difference at each step. */
const sumOfExps = (dVocab: number): number => 8 * gamma(Math.ceil(dVocab / (dVocab >= 2048 ? 256 : 64)) + 10);

function boundsOf({ logits, targets }: Case, dVocab: number) {
  const lse = Float64Array.from(targets, (_, n) => rowLse(logits, n, dVocab));
  const largest = Float64Array.from(targets, (_, n) =>
    logits.subarray(n * dVocab, (n + 1) * dVocab).reduce((m, z) => Math.max(m, Math.abs(z)), 0),
  );
  const log = sumOfExps(dVocab) + Math.max(builtin.log(1, 0), builtin.log(dVocab, Math.log(dVocab)));
  const ofNll = (n: number): number => log + 6 * U * (largest[n]! + Math.log(dVocab)) + TINY;
  const ofGradient = (i: number, d: number): number => {
    const n = Math.floor(i / dVocab);
    const p = Math.exp(logits[i]! - lse[n]!);
    const relative = ofNll(n) + (4 + 3 * Math.abs(logits[i]! - lse[n]!)) * U;
    return (
      Math.abs(d) *
      (p * Math.expm1(Math.min(relative, 1)) + 4 * U * (p + (i % dVocab === targets[n] ? 1 : 0)) + TINY)
    );
  };
  return { ofNll, ofGradient };
}

async function run(c: Case, dVocab: number): Promise<Float32Array[]> {
  const nRows = c.targets.length;
  const inputs = [
    { data: c.logits, shape: [nRows, dVocab] },
    { data: c.targets, shape: [nRows] },
    { data: c.weights, shape: [nRows] },
  ];
  return runOp(await testGpu(), inputs, (r, logits, targets, weights) => {
    r.track(logits!);
    const { loss, nll } = crossEntropy(r, logits!, targets!, weights!);
    return [loss, nll, ...r.gradients(loss, [logits!])];
  });
}

describe("crossEntropy", () => {
  test.each(sizes.slice(0, -1))(
    "%i rows of %i: permuted rows in, permuted rows out, bit for bit",
    async (nRows, dVocab) => {
      const c = makeCase(nRows, dVocab, 1);
      const [, nll, dz] = await run(c, dVocab);
      const reversed = {
        logits: reverseRows(c.logits, dVocab),
        targets: reverseRows(c.targets, 1),
        weights: reverseRows(c.weights, 1),
      };
      const [, nllBack, dzBack] = await run(reversed, dVocab);
      expectClose(reverseRows(nllBack!, 1), nll!, exact, "nll");
      expectClose(reverseRows(dzBack!, dVocab), dz!, exact, "dz");
    },
  );

  test.each(sizes)("%i rows of %i against the twin, forward and backward", async (nRows, dVocab) => {
    const c = makeCase(nRows, dVocab, 2);
    const [loss, nll, dz] = await run(c, dVocab);
    const expected = nllTwin(c.logits, c.targets, c.weights, dVocab);
    const { ofNll, ofGradient } = boundsOf(c, dVocab);
    expectClose(nll!, expected, ofNll, "nll");
    const magnitude = dot(c.weights.map(Math.abs), expected.map(Math.abs));
    const inherited = dot(
      c.weights,
      expected.map((_, n) => ofNll(n)),
    );
    expectClose(
      loss!,
      [dot(c.weights, expected)],
      inherited + sumBound(Math.ceil(nRows / 256) + 20, magnitude),
      "loss",
    );
    const gradient = nllBackwardTwin(c.logits, c.targets, c.weights, c.weights, dVocab);
    expectClose(dz!, gradient, (i) => ofGradient(i, c.weights[Math.floor(i / dVocab)]!), "dz");
  });

  test("worked example: z = 2 1 0, y = 0", async () => {
    const c = { logits: Float32Array.of(2, 1, 0), targets: Uint32Array.of(0), weights: Float32Array.of(1) };
    const [loss, nll, dz] = await run(c, 3);
    expectClose(loss!, [0.407606], printed(6));
    expectClose(nll!, [0.407606], printed(6));
    expectClose(dz!, [-0.334759, 0.244728, 0.090031], printed(6));
  });

  test("a skipped row gives exactly nothing, whatever its logits and target", async () => {
    const c = makeCase(6, 5, 3);
    const [loss, nll, dz] = await run(c, 5);
    const other = { ...c, logits: c.logits.slice(), targets: c.targets.slice() };
    other.logits.fill(7, 15, 25);
    other.targets[3] = 1;
    const [lossOther, nllOther, dzOther] = await run(other, 5);
    expectClose(lossOther!, loss!, exact);
    expectClose(nllOther!, nll!, exact);
    expectClose(dzOther!, dz!, exact);
    expectClose(nll!.subarray(3, 5), [0, 0], exact);
    expectClose(dz!.subarray(15, 25), new Float32Array(10), exact);
  });

  test("the gradient of nll itself reaches the logits too, and skipped rows stay out of it", async () => {
    const c = makeCase(6, 5, 4);
    c.targets[3] = 1;
    const dy = floats(6, 5);
    const inputs = [
      { data: c.logits, shape: [6, 5] },
      { data: c.targets, shape: [6] },
      { data: c.weights, shape: [6] },
      { data: dy, shape: [6] },
    ];
    const [dz] = await runOp(await testGpu(), inputs, (r, logits, targets, weights, d) => {
      r.track(logits!);
      return r.gradientsFrom(crossEntropy(r, logits!, targets!, weights!).nll, d!, [logits!]);
    });
    const { ofGradient } = boundsOf(c, 5);
    const expected = nllBackwardTwin(c.logits, c.targets, c.weights, dy, 5);
    expectClose(dz!, expected, (i) => ofGradient(i, dy[Math.floor(i / 5)]!));
  });

  test("the twin's gradient matches central differences, and its rows sum to zero", () => {
    const [logits, weights, targets] = [floats(15, 6), Float32Array.of(0.5, 0, 2), [4, 9, 0]];
    const twin = nllBackwardTwin(logits, targets, weights, weights, 5);
    const loss = (at: ArrayLike<number>) => dot(weights, nllTwin(at, targets, weights, 5));
    expectClose(twin, numericGradient(loss, logits), gradientTwin(twin));
    for (let n = 0; n < 3; n++) {
      expectClose(
        twin.subarray(5 * n, 5 * n + 5).reduce((a, b) => a + b, 0),
        0,
        float64(10, 2 * weights[n]!),
      );
    }
  });

  test("refuses logits that are no matrix, and targets of another length", async () => {
    const gpu = await testGpu();
    const [z, t, w] = [
      gpu.upload(floats(6, 1), [2, 3], "z"),
      gpu.upload(new Uint32Array(3), [3], "t"),
      gpu.upload(floats(2, 1), [2], "w"),
    ];
    const error = await refusal(gpu, (r) => [crossEntropy(r, z, t, w).loss]);
    expect([error.code, error.message]).toEqual(["shape", "crossEntropy: targets is [3], expected [2]"]);
    expect((await refusal(gpu, (r) => [logProbOf(r, w, t)])).message).toBe(
      "logProbOf: logits is [2], expected a matrix",
    );
    gpu.free(z, t, w);
  });
});

describe("logProbOf", () => {
  test.each([
    [3, 7],
    [2, 2049],
  ] as const)("%i rows of %i: minus the nll, with its gradient", async (nRows, dVocab) => {
    const c = { ...makeCase(nRows, dVocab, 7), weights: new Float32Array(nRows).fill(1) };
    const dy = floats(nRows, 8);
    const inputs = [
      { data: c.logits, shape: [nRows, dVocab] },
      { data: c.targets, shape: [nRows] },
      { data: dy, shape: [nRows] },
    ];
    const [y, dz] = await runOp(await testGpu(), inputs, (r, logits, targets, d) => {
      r.track(logits!);
      const out = logProbOf(r, logits!, targets!);
      return [out, ...r.gradientsFrom(out, d!, [logits!])];
    });
    const { ofNll, ofGradient } = boundsOf(c, dVocab);
    expectClose(
      y!,
      nllTwin(c.logits, c.targets, c.weights, dVocab).map((v) => -v),
      ofNll,
    );
    const expected = nllBackwardTwin(
      c.logits,
      c.targets,
      c.weights,
      dy.map((v) => -v),
      dVocab,
    );
    expectClose(dz!, expected, (i) => ofGradient(i, dy[Math.floor(i / dVocab)]!));
  });
});
