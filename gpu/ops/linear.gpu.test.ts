import { describe, expect, test } from "vitest";
import { floatToHalf, halfToFloat } from "../../lib/half.ts";
import { exact, expectClose, gradientTwin, sums } from "../../lib/testing/close.ts";
import { dot, floats, integers, numericGradient } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { linear, linearTwin } from "./linear.ts";
import { matmulBackwardTwin } from "./matmul.ts";
import type { MatmulChoice } from "./matmul_kernels.ts";

const choices: readonly (readonly [string, MatmulChoice | undefined])[] = [
  ["the chosen kernel", undefined],
  ["block", { kernel: "block", rows: 8, wg: [4, 4], splits: 1 }],
  ["block, k in parts", { kernel: "block", rows: 8, wg: [4, 4], splits: 2 }],
  ["tiled", { kernel: "tiled", tileM: 32, splits: 1 }],
  ["tiled, vec4", { kernel: "tiled_vec4", tileM: 64, splits: 2 }],
  ["matvec with lanes", { kernel: "matvec", rows: 3, lanes: 16, wgSize: 64 }],
  ["matvec without lanes", { kernel: "matvec", rows: 1, lanes: 1, wgSize: 16 }],
];
/** rows, in, out */
const sizes = [
  [1, 4, 1],
  [1, 68, 67],
  [2, 36, 33],
  [3, 64, 7],
  [9, 40, 65],
] as const;

const abs = (values: Float32Array): Float32Array => values.map(Math.abs);

describe("linear", () => {
  test.each(choices)(
    "bias and addTo in one pass, integers exactly and floats against the twin: %s",
    async (_, choice) => {
      const gpu = await testGpu();
      for (const [nRows, nIn, nOut] of sizes) {
        for (const fill of [integers, floats]) {
          const [xs, ws, bs, cs] = [
            fill(nRows * nIn, 1),
            fill(nOut * nIn, 2),
            fill(nOut, 3),
            fill(nRows * nOut, 4),
          ];
          const [x, w] = [gpu.upload(xs, [nRows, nIn], "x"), gpu.upload(ws, [nOut, nIn], "w")];
          const [bias, addTo] = [gpu.upload(bs, [nOut], "bias"), gpu.upload(cs, [nRows, nOut], "c")];
          const forced = choice && { choice };
          const [both, plain, biased, added] = await evaluate(gpu, (r) => [
            linear(r, x, w, { ...forced, bias, addTo }),
            ...(forced ? [] : [linear(r, x, w), linear(r, x, w, { bias }), linear(r, x, w, { addTo })]),
          ]);
          const bound =
            fill === integers
              ? exact
              : sums(nIn + 2, linearTwin(abs(xs), abs(ws), nIn, { bias: abs(bs), addTo: abs(cs) }));
          const what = `${nRows}x${nIn}x${nOut}`;
          expectClose(both!, linearTwin(xs, ws, nIn, { bias: bs, addTo: cs }), bound, what);
          if (!forced) {
            expectClose(plain!, linearTwin(xs, ws, nIn), bound, what);
            expectClose(biased!, linearTwin(xs, ws, nIn, { bias: bs }), bound, what);
            expectClose(added!, linearTwin(xs, ws, nIn, { addTo: cs }), bound, what);
          }
          gpu.free(x, w, bias, addTo);
        }
      }
    },
  );

  test.each([false, true])(
    "gradients of x, w, bias and addTo against the twin, f16 weights: %s",
    async (isHalf) => {
      const gpu = await testGpu();
      if (isHalf && !gpu.features.f16) return;
      const [nRows, nIn, nOut] = [6, 12, 20];
      const [xs, dys, exactWs] = [floats(nRows * nIn, 1), floats(nRows * nOut, 2), floats(nOut * nIn, 3)];
      const bits = floatToHalf(exactWs);
      const ws = isHalf ? halfToFloat(bits) : exactWs;
      const w = gpu.zeros([nOut, nIn], isHalf ? "f16" : "f32", "w");
      gpu.write(w, isHalf ? bits : ws);
      const [x, dy] = [gpu.upload(xs, [2, 3, nIn], "x"), gpu.upload(dys, [2, 3, nOut], "dy")];
      const [bias, addTo] = [
        gpu.upload(floats(nOut, 4), [nOut], "bias"),
        gpu.upload(floats(nRows * nOut, 5), [2, 3, nOut], "c"),
      ];
      const wrt = [x, w, bias, addTo];
      const [dx, dw, dbias, dAddTo] = await evaluate(gpu, (r) => {
        r.track(...wrt);
        return r.gradientsFrom(linear(r, x, w, { bias, addTo }), dy, wrt);
      });
      const shape = { m: nRows, n: nOut, k: nIn, transposeB: true };
      const twin = matmulBackwardTwin(xs, ws, dys, shape);
      const terms = matmulBackwardTwin(abs(xs), abs(ws), abs(dys), shape);
      expectClose(dx!, twin.da, sums(nOut, terms.da), "dx");
      expectClose(dw!, twin.db, sums(nRows, terms.db), "dw");
      expectClose(dbias!, columnSums(dys, nOut), sums(nRows, columnSums(abs(dys), nOut)), "dbias");
      expectClose(dAddTo!, dys, exact, "daddTo");
      gpu.free(x, w, dy, bias, addTo);
    },
  );

  test("the twin's gradients match central differences", () => {
    const [x, w, bias, dy] = [floats(12, 1), floats(20, 2), floats(5, 3), floats(15, 4)];
    const twin = matmulBackwardTwin(x, w, dy, { m: 3, n: 5, k: 4, transposeB: true });
    expectClose(
      twin.da,
      numericGradient((at) => dot(linearTwin(at, w, 4, { bias }), dy), x),
      gradientTwin(twin.da),
    );
    expectClose(
      twin.db,
      numericGradient((at) => dot(linearTwin(x, at, 4, { bias }), dy), w),
      gradientTwin(twin.db),
    );
    const dbias = columnSums(dy, 5);
    expectClose(
      dbias,
      numericGradient((at) => dot(linearTwin(x, w, 4, { bias: at }), dy), bias),
      gradientTwin(dbias),
    );
  });

  test("one row is one dispatch, also with bias and addTo, and keeps the leading axes", async () => {
    const gpu = await testGpu();
    const [x, w] = [gpu.zeros([8], "f32", "x"), gpu.zeros([12, 8], "f32", "w")];
    const [bias, addTo] = [gpu.zeros([12], "f32", "bias"), gpu.zeros([12], "f32", "c")];
    const plan = await gpu.record("test", (r) => r.keep(linear(r, x, w, { bias, addTo })));
    expect([plan.nDispatches, plan.outputs.shape]).toEqual([1, [12]]);
    plan.dispose();
    gpu.free(x, w, bias, addTo);
  });

  test.each([
    ["w", [3, 5], {}, "linear: w is [3,5], expected [3,4]"],
    ["bias", [3, 4], { bias: [4] }, "linear: bias is [4], expected [3]"],
    ["addTo", [3, 4], { addTo: [3] }, "linear: addTo is [3], expected [2,3]"],
  ] as const)(
    "refuses a wrong %s",
    async (
      _,
      wShape,
      extra: { readonly bias?: readonly number[]; readonly addTo?: readonly number[] },
      message,
    ) => {
      const gpu = await testGpu();
      const [x, w] = [gpu.zeros([2, 4], "f32", "x"), gpu.zeros(wShape, "f32", "w")];
      const options = Object.fromEntries(
        Object.entries(extra).map(([name, shape]) => [name, gpu.zeros(shape, "f32", name)]),
      );
      const error = await refusal(gpu, (r) => [linear(r, x, w, options)]);
      expect([error.code, error.message]).toEqual(["shape", message]);
      gpu.free(x, w, ...Object.values(options));
    },
  );
});

function columnSums(values: ArrayLike<number>, nCols: number): Float64Array {
  const sums = new Float64Array(nCols);
  for (let i = 0; i < values.length; i++) sums[i % nCols]! += values[i]!;
  return sums;
}
