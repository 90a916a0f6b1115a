import { describe, expect, test } from "vitest";
import { exact, expectClose, gamma, gradientTwin, printed, sums, TINY, U } from "../../lib/testing/close.ts";
import { dot, floats, numericGradient } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { reverseRows, runOp, runWithGradients } from "../testing/run_op.ts";
import { layerNorm, layerNormBackwardTwin, layerNormTwin, rowMoments } from "./layer_norm.ts";

const eps = Math.fround(1e-5);
const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [2, 65],
  [4, 257],
  [66000, 3],
] as const;

interface Case {
  readonly x: Float32Array<ArrayBuffer>;
  readonly w: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
  readonly dy: Float32Array<ArrayBuffer>;
}

const makeCase = (nRows: number, d: number, seed: number): Case => ({
  x: floats(nRows * d, seed),
  w: floats(d, seed + 1),
  b: floats(d, seed + 2),
  dy: floats(nRows * d, seed + 3),
});

async function run({ x, w, b, dy }: Case): Promise<Float32Array[]> {
  const d = w.length;
  const inputs = [
    { data: x, shape: [x.length / d, d] },
    { data: w, shape: [d] },
    { data: b, shape: [d] },
  ];
  return runWithGradients(await testGpu(), inputs, dy, (r, p, q, s) => layerNorm(r, p!, q!, s!, eps));
}

/** Per row: the error of the mean, and with it that of each normalised element h. */
function rowErrors({ x, w, dy }: Case) {
  const d = w.length;
  return Array.from({ length: x.length / d }, (_, n) => {
    const row = x.subarray(n * d, (n + 1) * d);
    const { mean, rstd } = rowMoments(x, n * d, d, eps);
    const centre = (gamma(d + 3) * row.reduce((s, v) => s + Math.abs(v), 0)) / d + TINY;
    // A wrong mean widens the variance by its square; differences round once more each.
    const spread = row.reduce((m, v) => Math.max(m, Math.abs(v - mean)), 0);
    const relative = gamma(d + 12) + rstd ** 2 * (centre ** 2 + 2 * centre * U * spread);
    const ofH = (v: number): number =>
      rstd * (centre + U * Math.abs(v)) + 2 * relative * rstd * Math.abs(v - mean);
    let [g, gh, ghError] = [0, 0, 0];
    for (let k = 0; k < d; k++) {
      const term = Math.abs(w[k]! * dy[n * d + k]!);
      g += term / d;
      gh += (term * Math.abs(row[k]! - mean) * rstd) / d;
      ghError += (term * ofH(row[k]!)) / d;
    }
    return { mean, rstd, relative, ofH, g, gh, ghError };
  });
}

describe("layerNorm", () => {
  test.each(sizes)("%i rows of %i against the twin, forward and backward", async (nRows, d) => {
    const c = makeCase(nRows, d, 1);
    const [y, dx, dw, db] = await run(c);
    const rows = rowErrors(c);
    const at = (i: number) => ({ row: rows[Math.floor(i / d)]!, k: i % d });
    expectClose(
      y!,
      layerNormTwin(c.x, c.w, c.b, eps),
      (i) => {
        const { row, k } = at(i);
        const scaled =
          Math.abs(c.w[k]!) * (row.ofH(c.x[i]!) + 4 * U * row.rstd * Math.abs(c.x[i]! - row.mean));
        return scaled + 2 * U * Math.abs(c.b[k]!) + TINY;
      },
      "y",
    );
    const twin = layerNormBackwardTwin(c.x, c.w, c.dy, eps);
    expectClose(
      dx!,
      twin.dx,
      (i) => {
        const { row, k } = at(i);
        const h = row.rstd * Math.abs(c.x[i]! - row.mean);
        const terms = Math.abs(c.w[k]! * c.dy[i]!) + row.g + h * row.gh;
        const inner = gamma(d + 12) * terms + row.ofH(c.x[i]!) * row.gh + h * row.ghError;
        return row.rstd * (inner + 2 * row.relative * terms) + TINY * (1 + row.rstd);
      },
      "dx",
    );
    const magnitude = { dw: new Float64Array(d), error: new Float64Array(d), db: new Float64Array(d) };
    c.dy.forEach((v, i) => {
      const { row, k } = at(i);
      magnitude.dw[k]! += Math.abs(v) * row.rstd * Math.abs(c.x[i]! - row.mean);
      magnitude.error[k]! += Math.abs(v) * row.ofH(c.x[i]!);
      magnitude.db[k]! += Math.abs(v);
    });
    expectClose(
      dw!,
      twin.dw,
      (k) => gamma(nRows + 4) * magnitude.dw[k]! + magnitude.error[k]! + nRows * TINY,
      "dw",
    );
    expectClose(db!, twin.db, sums(nRows, magnitude.db), "db");
  });

  test("permuted rows in, permuted rows out, bit for bit", async () => {
    const c = makeCase(7, 65, 5);
    const [y, dx] = await run(c);
    const [yBack, dxBack] = await run({ ...c, x: reverseRows(c.x, 65), dy: reverseRows(c.dy, 65) });
    expectClose(reverseRows(yBack!, 65), y!, exact);
    expectClose(reverseRows(dxBack!, 65), dx!, exact);
  });

  test("a row of equal elements gives the bias exactly", async () => {
    const inputs = [
      { data: new Float32Array(8).fill(2), shape: [1, 8] },
      { data: floats(8, 6), shape: [8] },
      { data: floats(8, 7), shape: [8] },
    ];
    const [y] = await runOp(await testGpu(), inputs, (r, x, w, b) => [layerNorm(r, x!, w!, b!, eps)]);
    expectClose(y!, floats(8, 7), exact);
  });

  test("worked example", async () => {
    const f = (...values: number[]) => Float32Array.from(values);
    const [y, dx, dw] = await run({
      x: f(1, 2, 3),
      w: f(1, 0.5, 2),
      b: f(0, 0.1, -0.1),
      dy: f(0.1, -0.2, 0.3),
    });
    expectClose(y!, [-1.224736, 0.1, 2.349471], printed(6));
    expectClose(dx!, [0.183706, -0.367421, 0.183715], printed(6));
    expectClose(dw!, [-0.122474, 0, 0.367421], printed(6));
  });

  test("the twin's gradients match central differences", () => {
    const c = makeCase(3, 4, 8);
    const x = c.x.map((v) => v / 8 + 0.3);
    const twin = layerNormBackwardTwin(x, c.w, c.dy, eps);
    const { w, b, dy } = c;
    expectClose(
      twin.dx,
      numericGradient((p) => dot(layerNormTwin(p, w, b, eps), dy), x),
      gradientTwin(twin.dx),
    );
    expectClose(
      twin.dw,
      numericGradient((p) => dot(layerNormTwin(x, p, b, eps), dy), w),
      gradientTwin(twin.dw),
    );
    expectClose(
      twin.db,
      numericGradient((p) => dot(layerNormTwin(x, w, p, eps), dy), b),
      gradientTwin(twin.db),
    );
  });

  test("refuses a bias of the wrong width", async () => {
    const gpu = await testGpu();
    const [x, w, b] = [
      gpu.upload(floats(8, 1), [2, 4], "x"),
      gpu.upload(floats(4, 1), [4], "w"),
      gpu.upload(floats(3, 1), [3], "b"),
    ];
    const error = await refusal(gpu, (r) => [layerNorm(r, x, w, b, eps)]);
    expect([error.code, error.message]).toEqual(["shape", "layerNorm: b is [3], expected [4]"]);
    gpu.free(x, w, b);
  });
});
