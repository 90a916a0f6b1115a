import { describe, test } from "vitest";
import {
  builtin,
  exact,
  expectClose,
  float64,
  gamma,
  gradientTwin,
  printed,
  TINY,
  U,
} from "../../lib/testing/close.ts";
import { dot, floats, numericGradient } from "../testing/inputs.ts";
import { testGpu } from "../testing/node_gpu.ts";
import { reverseRows, runOp, runWithGradients } from "../testing/run_op.ts";
import { logSoftmax, softmax, softmaxBackwardTwin, softmaxTwin } from "./softmax.ts";

const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [4, 257],
  [3, 2049],
  [66000, 2],
] as const;

/** Relative error of Σ exp: what one lane adds in turn, then the tree; exp of a difference at each step. */
const sumOfExps = (n: number): number => 8 * gamma(Math.ceil(n / (n >= 2048 ? 256 : 64)) + 10);

function makeRows(nRows: number, nCols: number, seed: number): Float32Array<ArrayBuffer> {
  const x = floats(nRows * nCols, seed);
  if (nRows > 2) {
    x.fill(2.5, nCols, 2 * nCols);
    for (let v = 0; v < nCols; v++) x[2 * nCols + v] = v % 2 === 0 ? 1e4 : -1e4;
  }
  return x;
}

describe.each([
  ["softmax", softmax, false],
  ["logSoftmax", logSoftmax, true],
] as const)("%s", (_, op, isLog) => {
  test.each(isLog ? sizes.slice(0, -1) : sizes)(
    "%i rows of %i against the twin, forward and backward",
    async (nRows, nCols) => {
      const [x, dy] = [makeRows(nRows, nCols, 1), floats(nRows * nCols, 2)];
      const [y, dx] = await runWithGradients(
        await testGpu(),
        [{ data: x, shape: [nRows, nCols] }],
        dy,
        (r, t) => op(r, t!),
      );
      const logs = softmaxTwin(x, nCols, true);
      const log = sumOfExps(nCols) + Math.max(builtin.log(1, 0), builtin.log(nCols, Math.log(nCols + 1)));
      const ofLog = (i: number): number => log + 8 * U * (Math.abs(x[i]!) + Math.abs(logs[i]!));
      const ofP = (i: number): number =>
        Math.exp(logs[i]!) * (sumOfExps(nCols) + (10 + 4 * Math.abs(logs[i]!)) * U) + TINY;
      const ofY = isLog ? ofLog : ofP;
      expectClose(y!, softmaxTwin(x, nCols, isLog), ofY, "y");
      const expected = softmaxBackwardTwin(x, dy, nCols, isLog);
      const rows = Array.from({ length: nRows }, (_, n) => {
        let [sum, error] = [0, 0];
        for (let i = n * nCols; i < (n + 1) * nCols; i++) {
          sum += Math.abs(dy[i]!) * (isLog ? 1 : Math.exp(logs[i]!));
          error += isLog ? 0 : Math.abs(dy[i]!) * ofP(i);
        }
        return { sum, error: error + gamma(nCols + 4) * sum };
      });
      expectClose(
        dx!,
        expected,
        (i) => {
          const [{ sum, error }, p, d] = [rows[Math.floor(i / nCols)]!, Math.exp(logs[i]!), Math.abs(dy[i]!)];
          const pError = isLog ? p * (ofLog(i) + (4 + 2 * Math.abs(logs[i]!)) * U) + TINY : ofP(i);
          return pError * (d + sum) + p * error + 8 * U * (d + p * (d + sum)) + TINY;
        },
        "dx",
      );
    },
  );

  test("permuted rows in, permuted rows out, bit for bit; adding 64 to a row changes nothing but rounding", async () => {
    const gpu = await testGpu();
    const x = makeRows(5, 67, 3);
    const shape = [5, 67];
    const inputs = [
      { data: x, shape },
      { data: reverseRows(x, 67), shape },
    ];
    const [a, b] = await runOp(gpu, inputs, (r, p, q) => [op(r, p!), op(r, q!)]);
    expectClose(reverseRows(b!, 67), a!, exact);
  });

  test("the twin's gradient matches central differences", () => {
    const [x, dy] = [floats(10, 4), floats(10, 5)];
    const twin = softmaxBackwardTwin(x, dy, 5, isLog);
    expectClose(
      twin,
      numericGradient((at) => dot(softmaxTwin(at, 5, isLog), dy), x),
      gradientTwin(twin),
    );
  });
});

test("worked example: z = 2 1 0; rows of the twin sum to one", async () => {
  const inputs = [{ data: Float32Array.of(2, 1, 0), shape: [1, 3] }];
  const [p] = await runOp(await testGpu(), inputs, (r, x) => [softmax(r, x!)]);
  expectClose(p!, [0.665241, 0.244728, 0.090031], printed(6));
  expectClose(
    softmaxTwin(floats(9, 1), 9, false).reduce((a, b) => a + b, 0),
    1,
    float64(20, 1),
  );
});
