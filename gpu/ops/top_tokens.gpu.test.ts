import { describe, expect, test } from "vitest";
import { builtin, exact, expectClose, gamma, U } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { runOp } from "../testing/run_op.ts";
import { rowArgmax, topTokens, topTokensTwin } from "./top_tokens.ts";

/** [rows, columns, k] */
const sizes = [
  [1, 1, 1],
  [3, 7, 7],
  [5, 64, 16],
  [4, 257, 3],
  [2, 2049, 16],
  [1, 150001, 4],
  [66000, 2, 1],
] as const;

describe("topTokens", () => {
  test.each(sizes)("%i rows of %i, the best %i: ids exactly, also among equals", async (nRows, dVocab, k) => {
    const gpu = await testGpu();
    for (const logits of [integers(nRows * dVocab, 1, 5), floats(nRows * dVocab, 2)]) {
      const inputs = [{ data: logits, shape: [nRows, dVocab] }];
      const [ids, logprobs] = await runOp(gpu, inputs, (r, z) => {
        const top = topTokens(r, z!, k);
        return [top.ids, top.logprobs];
      });
      const twin = topTokensTwin(logits, dVocab, k);
      expectClose(ids!, twin.ids, exact, "ids");
      const largest = logits.reduce((m, z) => Math.max(m, Math.abs(z)), 0);
      const sum = 8 * gamma(Math.ceil(dVocab / (dVocab >= 2048 ? 256 : 64)) + 10);
      const log = Math.max(builtin.log(1, 0), builtin.log(dVocab, Math.log(dVocab + 1)));
      expectClose(logprobs!, twin.logprobs, sum + log + 6 * U * (2 * largest + Math.log(dVocab)), "logprobs");
    }
  });

  test("huge logits, both zeros, and negative ones in order", async () => {
    const gpu = await testGpu();
    const logits = Float32Array.of(-1e4, -0, 1e4, 0, -1, -2, 1e-30, 1e4);
    const [ids] = await runOp(gpu, [{ data: logits, shape: [1, 8] }], (r, z) => [topTokens(r, z!, 8).ids]);
    expectClose(ids!, [2, 7, 6, 1, 3, 4, 5, 0], exact);
  });

  test("rowArgmax is the first of them", async () => {
    const gpu = await testGpu();
    const x = integers(60, 3, 3);
    const [best] = await runOp(gpu, [{ data: x, shape: [2, 3, 10] }], (r, z) => [rowArgmax(r, z!)]);
    expectClose(best!, topTokensTwin(x, 10, 1).ids, exact);
  });

  test("refuses k of zero, above 16 and above the width", async () => {
    const gpu = await testGpu();
    const z = gpu.upload(floats(20, 1), [1, 20], "z");
    for (const k of [0, 17, 1.5]) {
      const error = await refusal(gpu, (r) => [topTokens(r, z, k).ids]);
      expect([error.code, error.message]).toEqual([
        "bad-param",
        `topTokens: k is ${k}, expected a whole number from 1 to 16`,
      ]);
    }
    gpu.free(z);
  });
});
