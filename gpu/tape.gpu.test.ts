import { describe, expect, test } from "vitest";
import { exact, expectClose, gamma, gradientTwin, TINY } from "../lib/testing/close.ts";
import { add, addTwin } from "./ops/add.ts";
import { crossEntropy, nllTwin } from "./ops/cross_entropy.ts";
import { multiply, multiplyTwin } from "./ops/multiply.ts";
import { sumAll } from "./ops/reduce_all.ts";
import { rmsNorm, rmsNormBackwardTwin, rmsNormTwin } from "./ops/rms_norm.ts";
import { scale } from "./ops/scale.ts";
import { swiglu, swigluBackwardTwin, swigluTwin } from "./ops/swiglu.ts";
import { dot, floats, integers, numericGradient } from "./testing/inputs.ts";
import { refusal, testGpu } from "./testing/node_gpu.ts";
import { runOp, runWithGradients } from "./testing/run_op.ts";

describe("gradients", () => {
  test("of an input used three times are added up", async () => {
    const x = integers(7, 1);
    const [, dx] = await runWithGradients(
      await testGpu(),
      [{ data: x, shape: [7] }],
      integers(7, 2),
      (r, t) => add(r, multiply(r, t!, t!), scale(r, t!, 5)),
    );
    expectClose(
      dx!,
      x.map((v, i) => (2 * v + 5) * integers(7, 2)[i]!),
      exact,
    );
  });

  test("of a parameter that does not matter are zeros, and of one used as it is are dy", async () => {
    const gpu = await testGpu();
    const [a, b] = [gpu.upload(integers(4, 1), [4], "a"), gpu.upload(integers(6, 2), [2, 3], "b")];
    const dy = gpu.upload(integers(4, 3), [4], "dy");
    const [da, db] = await gpu.compute("g", (r) => {
      r.track(a, b);
      return r.gradientsFrom(a, dy, [a, b]);
    });
    expectClose(da!, integers(4, 3), exact);
    expectClose(db!, new Float32Array(6), exact);
    gpu.free(a, b, dy);
  });

  test("go through a reshape", async () => {
    const [x, w, dy] = [integers(12, 1, 3), integers(4, 2, 3), integers(12, 3, 3)];
    const inputs = [
      { data: x, shape: [2, 6] },
      { data: w, shape: [4] },
    ];
    const [y, dx, dw] = await runWithGradients(await testGpu(), inputs, dy, (r, p, q) =>
      multiply(r, r.reshape(p!, [3, 4]), q!),
    );
    expectClose(y!, multiplyTwin(x, w), exact);
    expectClose(dx!, multiplyTwin(dy, w), exact);
    expectClose(
      dw!,
      Float64Array.from(w, (_, d) => [0, 4, 8].reduce((s, k) => s + x[k + d]! * dy[k + d]!, 0)),
      exact,
    );
  });

  test("of an intermediate tensor are there when asked for", async () => {
    const [x] = [integers(5, 4)];
    const [dm, dx] = await runOp(await testGpu(), [{ data: x, shape: [5] }], (r, t) => {
      r.track(t!);
      const middle = scale(r, t!, 3);
      return r.gradients(sumAll(r, multiply(r, middle, middle)), [middle, t!]);
    });
    expectClose(
      dm!,
      x.map((v) => 6 * v),
      exact,
    );
    expectClose(
      dx!,
      x.map((v) => 18 * v),
      exact,
    );
  });

  test("are not recorded where nothing is tracked", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(4, 1), [4], "x");
    const plan = await gpu.record("p", (r) => {
      const y = scale(r, x, 2);
      expect(r.isTracked(y)).toBe(false);
      const [dx] = r.gradients(sumAll(r, y), [x]);
      return r.keep(dx!);
    });
    plan.run();
    expectClose(await gpu.read(plan.outputs), new Float32Array(4), exact);
    plan.dispose();
    gpu.free(x);
  });

  test("refuse a loss of more than one element", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(4, 1), [4], "x");
    expect((await refusal(gpu, (r) => r.gradients(x, [x]))).message).toBe(
      "gradients: loss is [4], expected one element",
    );
    gpu.free(x);
  });
});

test("a chain of three ops: kernels against the twins' chain, and that against central differences", async () => {
  const [nRows, d, eps] = [3, 8, Math.fround(1e-5)];
  const [x, w, dy] = [floats(nRows * d, 5).map((v) => v / 8 + 0.3), floats(d, 6), floats((nRows * d) / 2, 7)];
  const forward = (at: ArrayLike<number>, gain: ArrayLike<number>) =>
    swigluTwin(addTwin(rmsNormTwin(at, gain, eps), at, 0.5), d / 2);
  const dSum = swigluBackwardTwin(addTwin(rmsNormTwin(x, w, eps), x, 0.5), dy, d / 2);
  const norm = rmsNormBackwardTwin(x, w, dSum, eps);
  const expected = { dx: norm.dx.map((v, i) => v + 0.5 * dSum[i]!), dw: norm.dw };
  expectClose(
    expected.dx,
    numericGradient((at) => dot(forward(at, w), dy), x),
    gradientTwin(expected.dx),
  );
  expectClose(
    expected.dw,
    numericGradient((at) => dot(forward(x, at), dy), w),
    gradientTwin(expected.dw),
  );

  const inputs = [
    { data: x, shape: [nRows, d] },
    { data: w, shape: [d] },
  ];
  const [y, dx, dw] = await runWithGradients(await testGpu(), inputs, dy, (r, p, q) =>
    swiglu(r, add(r, rmsNorm(r, p!, q!, eps), p!, 0.5)),
  );
  const largest = (v: ArrayLike<number>): number =>
    Array.from(v).reduce((m, e) => Math.max(m, Math.abs(e)), 0);
  // Each of the ops adds a few dozen roundings, none of which is amplified by more than its factors.
  const bound = (v: ArrayLike<number>) => 8 * gamma(64) * largest(v) * (1 + largest(w)) + TINY;
  expectClose(y!, forward(x, w), bound(forward(x, w)));
  expectClose(dx!, expected.dx, bound(expected.dx));
  expectClose(dw!, expected.dw, bound(expected.dw));
});

test("a loss at the end of the chain gives gradients to every parameter on the way", async () => {
  const [logits, bias, targets, weights] = [
    floats(15, 8),
    floats(5, 9),
    Uint32Array.of(4, 0, 2),
    Float32Array.of(0.5, 0.25, 0.25),
  ];
  const inputs = [
    { data: logits, shape: [3, 5] },
    { data: bias, shape: [5] },
    { data: targets, shape: [3] },
    { data: weights, shape: [3] },
  ];
  const [dLogits, dBias] = await runOp(await testGpu(), inputs, (r, z, b, t, w) => {
    r.track(z!, b!);
    return r.gradients(crossEntropy(r, add(r, z!, b!), t!, w!).loss, [z!, b!]);
  });
  const loss = (z: ArrayLike<number>, b: ArrayLike<number>) =>
    dot(weights, nllTwin(addTwin(z, b), targets, weights, 5));
  // In f32: the differences are exact to 1e-6 of the largest, the kernel to a few dozen roundings of exp and sums.
  const close = (expected: Float64Array) => (i: number) => gradientTwin(expected)(i) + gamma(512);
  const [zWanted, bWanted] = [
    numericGradient((z) => loss(z, bias), logits),
    numericGradient((b) => loss(logits, b), bias),
  ];
  expectClose(dLogits!, zWanted, close(zWanted));
  expectClose(dBias!, bWanted, close(bWanted));
});
