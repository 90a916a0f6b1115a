import { describe, expect, test } from "vitest";
import { expectClose, exact, gamma, gradientTwin, U } from "../../lib/testing/close.ts";
import { dot, floats, numericGradient } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { rmsNorm, rmsNormBackwardTwin, rmsNormTwin } from "./rms_norm.ts";

const eps = Math.fround(1e-5);
const sizes = [[1, 1], [3, 7], [5, 64], [2, 65], [4, 257], [66000, 3]] as const;

/** Sum of squares halved by the square root, inverseSqrt (2 ULP), division (2.5 ULP), products. */
const relative = (dModel: number): number => gamma(dModel) / 2 + 8 * U;

describe("rmsNorm", () => {
  test.each(sizes)("%i rows of %i: permuted rows in, permuted rows out, bit for bit", async (nRows, dModel) => {
    const gpu = await testGpu();
    const x = floats(nRows * dModel, 1);
    const reversed = x.slice();
    for (let n = 0; n < nRows; n++) reversed.set(x.subarray(n * dModel, (n + 1) * dModel), (nRows - 1 - n) * dModel);
    const w = gpu.upload(floats(dModel, 2), [dModel], "w");
    const [a, b] = [gpu.upload(x, [nRows, dModel], "a"), gpu.upload(reversed, [nRows, dModel], "b")];
    const [ya, yb] = await evaluate(gpu, (r) => [rmsNorm(r, a, w, eps), rmsNorm(r, b, w, eps)]);
    const back = yb!.slice();
    for (let n = 0; n < nRows; n++) back.set(yb!.subarray(n * dModel, (n + 1) * dModel), (nRows - 1 - n) * dModel);
    expectClose(back, ya!, exact);
    gpu.free(a, b, w);
  });

  test.each(sizes)("%i rows of %i against the twin, forward and backward", async (nRows, dModel) => {
    const gpu = await testGpu();
    const [xs, ws, dys] = [floats(nRows * dModel, 3), floats(dModel, 4), floats(nRows * dModel, 5)];
    const x = gpu.upload(xs, [nRows, dModel], "x");
    const w = gpu.upload(ws, [dModel], "w");
    const dy = gpu.upload(dys, [nRows, dModel], "dy");
    const [y, dx, dw] = await evaluate(gpu, (r) => {
      r.track(x, w);
      const out = rmsNorm(r, x, w, eps);
      return [out, ...r.gradientsFrom(out, dy, [x, w])];
    });
    const expected = rmsNormTwin(xs, ws, eps);
    expectClose(y!, expected, (i) => relative(dModel) * Math.abs(expected[i]!) + 2 ** -126, "y");
    const twin = rmsNormBackwardTwin(xs, ws, dys, eps);
    const magnitude = absoluteTerms(xs, ws, dys);
    const factor = 4 * relative(dModel) + 4 * gamma(dModel);
    expectClose(dx!, twin.dx, (i) => factor * magnitude.dx[i]! + 2 ** -126, "dx");
    expectClose(dw!, twin.dw, (i) => (relative(dModel) + gamma(nRows + 4)) * magnitude.dw[i]! + 2 ** -126, "dw");
    gpu.free(x, w, dy);
  });

  test("the twin's gradients match central differences", () => {
    const [x, w, dy] = [floats(12, 6).map((v) => v / 8 + 0.3), floats(4, 7), floats(12, 8)];
    const twin = rmsNormBackwardTwin(x, w, dy, eps);
    expectClose(twin.dx, numericGradient((at) => dot(rmsNormTwin(at, w, eps), dy), x), gradientTwin(twin.dx));
    expectClose(twin.dw, numericGradient((at) => dot(rmsNormTwin(x, at, eps), dy), w), gradientTwin(twin.dw));
  });

  test("refuses a gain of the wrong width", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(floats(8, 1), [2, 4], "x");
    const w = gpu.upload(floats(3, 1), [3], "w");
    const error = await refusal(gpu, (r) => [rmsNorm(r, x, w, eps)]);
    expect(error.code).toBe("shape");
    expect(error.message).toBe("rmsNorm: w is [3], expected [4]");
    gpu.free(x, w);
  });
});

/** Sums of the absolute values of the terms of each gradient, which its rounding error scales with. */
function absoluteTerms(x: Float32Array, w: Float32Array, dy: Float32Array): { dx: Float64Array; dw: Float64Array } {
  const dModel = w.length;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(dModel);
  for (let base = 0; base < x.length; base += dModel) {
    let sq = 0;
    let sum = 0;
    for (let d = 0; d < dModel; d++) sq += x[base + d]! ** 2;
    const rstd = 1 / Math.sqrt(sq / dModel + eps);
    for (let d = 0; d < dModel; d++) sum += Math.abs(w[d]! * dy[base + d]! * x[base + d]!);
    for (let d = 0; d < dModel; d++) {
      dx[base + d] = rstd * Math.abs(w[d]! * dy[base + d]!) + (Math.abs(x[base + d]!) * rstd ** 3 * sum) / dModel;
      dw[d]! += Math.abs(dy[base + d]! * x[base + d]! * rstd);
    }
  }
  return { dx, dw };
}
