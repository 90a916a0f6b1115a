import { describe, test } from "vitest";
import { exact, expectClose, gradientTwin, printed, TINY, U } from "../../lib/testing/close.ts";
import { floats, numericGradient } from "../testing/inputs.ts";
import { testGpu } from "../testing/node_gpu.ts";
import { reverseRows, runWithGradients } from "../testing/run_op.ts";
import {
  activation,
  activationGate,
  type ActivationKind,
  activationKinds,
  activationSlope,
  activationTwin,
  erfError,
} from "./activation.ts";

/** Off the workgroup; for one kind also more than 65,535 workgroups of 64. */
const sizes = (kind: ActivationKind): number[] => [1, 67, kind === "relu" ? 4_200_000 : 5000];

async function run(x: Float32Array, dy: Float32Array, kind: ActivationKind): Promise<Float32Array[]> {
  return runWithGradients(await testGpu(), [{ data: x, shape: [x.length] }], dy, (r, t) =>
    activation(r, t!, kind),
  );
}

/** exp of the gate's argument (3 + 2|a| ULP, and a itself a cubic or a square in x), a division and products. */
const relative = (x: number): number => (24 + 8 * Math.abs(x) + 4 * Math.abs(x) ** 3) * U;

describe.each(activationKinds)("%s", (kind) => {
  const ofErf = kind === "gelu_exact" ? erfError / 2 : 0;

  test.each(sizes(kind))("%i elements against the twin, forward and backward", async (n) => {
    const [x, dy] = [floats(n, 1), floats(n, 2)];
    x.set([1e4, -1e4, 9, -9, 0, -0].slice(0, n));
    const [y, dx] = await run(x, dy, kind);
    const near = (v: number): number => relative(Math.max(-10, Math.min(10, v)));
    expectClose(
      y!,
      x.map((v) => activationTwin(v, kind)),
      (i) => {
        const gate = activationGate(x[i]!, kind);
        return Math.abs(x[i]!) * (near(x[i]!) * gate + ofErf + TINY) + U * Math.abs(x[i]! * gate);
      },
    );
    expectClose(
      dx!,
      x.map((v, i) => dy[i]! * activationSlope(v, kind)),
      (i) => {
        const [v, d] = [x[i]!, Math.abs(dy[i]!)];
        const gate = activationGate(v, kind);
        const curve = Math.abs(activationSlope(v, kind) - gate);
        return d * (2 * near(v) * (gate + curve) + ofErf + TINY * (1 + Math.abs(v) ** 3));
      },
    );
  });

  test("permuted elements in, permuted elements out, bit for bit", async () => {
    const [x, dy] = [floats(300, 3), floats(300, 4)];
    const [[y, dx], [yBack, dxBack]] = [
      await run(x, dy, kind),
      await run(reverseRows(x, 1), reverseRows(dy, 1), kind),
    ];
    expectClose(reverseRows(yBack!, 1), y!, exact);
    expectClose(reverseRows(dxBack!, 1), dx!, exact);
  });

  test("the twin's slope matches central differences", () => {
    for (const v of [-3, -1, -0.3, 0.2, 1, 2.5]) {
      const slope = activationSlope(v, kind);
      expectClose(
        numericGradient((at) => activationTwin(at[0]!, kind), [v]),
        [slope],
        gradientTwin([slope], 1),
      );
    }
  });
});

test("gelu, worked examples", async () => {
  const x = Float32Array.of(1, -1, 0.5, -3);
  const [y, dx] = await run(x, new Float32Array(4).fill(1), "gelu_tanh");
  expectClose(y!, [0.841192, -0.158808, 0.345714, -0.003637], printed(6));
  expectClose(dx!, [1.082964, -0.082964, 0.86737, -0.011584], printed(6));
  const [exactly] = await run(x, x, "gelu_exact");
  expectClose(exactly!, [0.841345, -0.158655, 0.345731, -0.00405], printed(6));
});
