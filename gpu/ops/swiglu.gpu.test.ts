import { describe, expect, test } from "vitest";
import { exact, expectClose, gradientTwin, printed, TINY, U } from "../../lib/testing/close.ts";
import { dot, floats, numericGradient } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { reverseRows, runOp, runWithGradients } from "../testing/run_op.ts";
import { sigmoid, swiglu, swigluBackwardTwin, swigluTwin } from "./swiglu.ts";

const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [2, 65],
  [66000, 2],
] as const;

/** exp (3 + 2|a| ULP), a sum, a division (2.5) and the products around them. */
const relative = (a: number): number => (10 + 2 * Math.abs(a)) * U;

describe("swiglu", () => {
  test.each(sizes)("%i rows of %i: permuted rows in, permuted rows out, bit for bit", async (nRows, dMlp) => {
    const gpu = await testGpu();
    const [x, shape] = [floats(nRows * dMlp * 2, 1), [nRows, dMlp * 2]];
    const inputs = [
      { data: x, shape },
      { data: reverseRows(x, dMlp * 2), shape },
    ];
    const [a, b] = await runOp(gpu, inputs, (r, p, q) => [swiglu(r, p!), swiglu(r, q!)]);
    expectClose(reverseRows(b!, dMlp), a!, exact);
  });

  test.each(sizes)("%i rows of %i against the twin, forward and backward", async (nRows, dMlp) => {
    const gpu = await testGpu();
    const x = floats(nRows * dMlp * 2, 2);
    x.set([1e4, -1e4, 88, -88, 0, -0].slice(0, x.length));
    const dy = floats(nRows * dMlp, 3);
    const [y, dx] = await runWithGradients(gpu, [{ data: x, shape: [nRows, dMlp * 2] }], dy, (r, t) =>
      swiglu(r, t!),
    );
    const gateOf = (i: number) => i + Math.floor(i / dMlp) * dMlp;
    const expected = swigluTwin(x, dMlp);
    expectClose(y!, expected, (i) => {
      const [a, b] = [x[gateOf(i)]!, x[gateOf(i) + dMlp]!];
      return relative(a) * Math.abs(expected[i]!) + TINY * (1 + Math.abs(a)) * (1 + Math.abs(b));
    });
    expectClose(dx!, swigluBackwardTwin(x, dy, dMlp), (j) => {
      const isGate = j % (2 * dMlp) < dMlp;
      const at = isGate ? j : j - dMlp;
      const [a, b, d] = [x[at]!, x[at + dMlp]!, dy[Math.floor(at / (2 * dMlp)) * dMlp + (at % (2 * dMlp))]!];
      const s = sigmoid(a);
      const terms = isGate ? Math.abs(d * b) * s * (1 + Math.abs(a) * sigmoid(-a)) : Math.abs(d * a * s);
      return 2 * relative(a) * terms + TINY * (1 + Math.abs(a)) * (1 + Math.abs(b)) * (1 + Math.abs(d));
    });
  });

  test("worked example: a=1, b=2, dy=1", async () => {
    const gpu = await testGpu();
    const inputs = [{ data: Float32Array.of(1, 2), shape: [1, 2] }];
    const [y, dx] = await runWithGradients(gpu, inputs, Float32Array.of(1), (r, t) => swiglu(r, t!));
    expectClose(y!, [1.462117], printed(6));
    expectClose(dx!, [1.855341, 0.731059], printed(6));
  });

  test("the twin's gradient matches central differences", () => {
    const [x, dy] = [floats(12, 4), floats(6, 5)];
    const twin = swigluBackwardTwin(x, dy, 3);
    expectClose(
      twin,
      numericGradient((at) => dot(swigluTwin(at, 3), dy), x),
      gradientTwin(twin),
    );
  });

  test("refuses an odd last axis", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(floats(6, 1), [2, 3], "x");
    const error = await refusal(gpu, (r) => [swiglu(r, x)]);
    expect(error.code).toBe("shape");
    expect(error.message).toContain("gateUp is [2,3], expected an even last axis");
    gpu.free(x);
  });
});
