import { describe, test } from "vitest";
import { exact, expectClose, sampleMean, U } from "../../lib/testing/close.ts";
import { testGpu } from "../testing/node_gpu.ts";
import { runOp } from "../testing/run_op.ts";
import { randomNormal, randomNormalTwin, randomUniform, randomUniformTwin } from "./random.ts";

/** Off the workgroup, and more than 65,535 workgroups of 64. */
const sizes = [1, 67, 4_200_000];
const at = { seed: 4_000_000_007, stream: 3 };

describe("random fill", () => {
  test.each(sizes)("%i uniform and normal numbers have the bits of lib/random.ts", async (n) => {
    const [uniform, signed, normal] = await runOp(await testGpu(), [], (r) => [
      randomUniform(r, [n], at),
      randomUniform(r, [n], { ...at, low: -1 }),
      randomNormal(r, [n], at),
    ]);
    const [head, tail] = [Math.min(n, 500), Math.max(0, n - 500)];
    for (const [got, twin] of [
      [uniform!, randomUniformTwin],
      [signed!, (k: number, seed: number, stream: number) => randomUniformTwin(k, seed, stream, -1)],
      [normal!, randomNormalTwin],
    ] as const) {
      const expected = twin(n, at.seed, at.stream);
      expectClose(got.subarray(0, head), expected.subarray(0, head), exact);
      expectClose(got.subarray(tail), expected.subarray(tail), exact);
    }
  });

  test("scaled and shifted: one rounding each", async () => {
    const [uniform, normal] = await runOp(await testGpu(), [], (r) => [
      randomUniform(r, [9, 31], { ...at, low: 0.3, high: 7.7 }),
      randomNormal(r, [279], { ...at, mean: -0.1, std: 0.02 }),
    ]);
    expectClose(uniform!, randomUniformTwin(279, at.seed, at.stream, 0.3, 7.7), 4 * U * 8);
    expectClose(normal!, randomNormalTwin(279, at.seed, at.stream, -0.1, 0.02), 4 * U * (0.1 + 6 * 0.02));
  });

  test("mean and variance of the normal numbers", async () => {
    const n = 100_000;
    const [x] = await runOp(await testGpu(), [], (r) => [randomNormal(r, [n], { seed: 9, stream: 1 })]);
    const mean = x!.reduce((a, b) => a + b, 0) / n;
    const variance = x!.reduce((a, b) => a + b * b, 0) / n;
    expectClose(mean, 0, sampleMean(1, n));
    expectClose(variance, 1, sampleMean(Math.SQRT2, n));
  });
});
