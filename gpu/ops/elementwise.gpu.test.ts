import { describe, expect, test } from "vitest";
import { exact, expectClose, sums, TINY, U } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { runOp, runWithGradients } from "../testing/run_op.ts";
import { add, addTwin } from "./add.ts";
import { broadcast, broadcastTwin } from "./broadcast.ts";
import { dotAll, dotAllTwin, sumSquares } from "./dot_all.ts";
import { fill } from "./fill.ts";
import { multiply, multiplyTwin } from "./multiply.ts";
import { sumAll, sumAllTwin } from "./reduce_all.ts";
import { rowMax, rowMaxTwin, rowMean, rowSum, rowSumTwin } from "./reduce_rows.ts";
import { scale, scaleTwin } from "./scale.ts";
import { sumRows, sumRowsTwin } from "./sum_rows.ts";

const sizes = [
  [1, 1],
  [3, 7],
  [5, 64],
  [2, 65],
  [257, 31],
  [66000, 3],
] as const;

/** What is summed away when a row-shaped, scalar or full b meets every row. */
const columnSums = (x: ArrayLike<number>, nCols: number): Float64Array => sumRowsTwin(x, nCols);

describe("add and scale", () => {
  test.each(sizes)(
    "%i rows of %i: integers exactly, with gradients, b whole and b over the rows",
    async (nRows, d) => {
      const gpu = await testGpu();
      const [a, dy] = [integers(nRows * d, 1, 3), integers(nRows * d, 2, 3)];
      for (const b of [integers(nRows * d, 3, 3), integers(d, 4, 3)]) {
        const inputs = [
          { data: a, shape: [nRows, d] },
          { data: b, shape: b.length === d ? [d] : [nRows, d] },
        ];
        const [y, da, db] = await runWithGradients(gpu, inputs, dy, (r, p, q) => add(r, p!, q!, -2));
        expectClose(y!, addTwin(a, b, -2), exact);
        expectClose(da!, dy, exact);
        expectClose(
          db!,
          columnSums(dy, b.length).map((v) => -2 * v),
          exact,
        );
      }
      const [y, dx] = await runWithGradients(gpu, [{ data: a, shape: [nRows, d] }], dy, (r, p) =>
        scale(r, p!, 3),
      );
      expectClose(y!, scaleTwin(a, 3), exact);
      expectClose(dx!, scaleTwin(dy, 3), exact);
    },
  );

  test("floats within a rounding or two", async () => {
    const [a, b] = [floats(99, 5), floats(33, 6)];
    const inputs = [
      { data: a, shape: [3, 33] },
      { data: b, shape: [33] },
    ];
    const factor = Math.fround(0.1);
    const [y, z] = await runOp(await testGpu(), inputs, (r, p, q) => [
      add(r, p!, q!, factor),
      scale(r, p!, factor),
    ]);
    expectClose(y!, addTwin(a, b, factor), (i) => 3 * U * (Math.abs(a[i]!) + Math.abs(b[i % 33]!)) + TINY);
    expectClose(z!, scaleTwin(a, factor), (i) => U * Math.abs(a[i]!) + TINY);
  });

  test("add refuses a shape that is no tail", async () => {
    const gpu = await testGpu();
    const [a, b] = [gpu.upload(floats(6, 1), [2, 3], "a"), gpu.upload(floats(2, 1), [2], "b")];
    const error = await refusal(gpu, (r) => [add(r, a, b)]);
    expect(error.message).toBe("add: b is [2], expected the shape of a [2,3] or its last axes");
    gpu.free(a, b);
  });
});

describe("multiply", () => {
  const kinds = (nRows: number, d: number) => [
    { shape: [nRows, d], span: 1, sum: (x: ArrayLike<number>) => Float64Array.from(x) },
    { shape: [d], span: 1, sum: (x: ArrayLike<number>) => columnSums(x, d) },
    { shape: [nRows, 1], span: d, sum: (x: ArrayLike<number>) => rowSumTwin(x, d) },
    { shape: [1], span: 1, sum: (x: ArrayLike<number>) => Float64Array.of(sumAllTwin(x)) },
  ];

  test.each(sizes.slice(0, -1))(
    "%i rows of %i: integers exactly, with gradients, in every broadcast",
    async (nRows, d) => {
      const gpu = await testGpu();
      const [a, dy] = [integers(nRows * d, 1, 3), integers(nRows * d, 2, 3)];
      for (const { shape, span, sum } of kinds(nRows, d)) {
        const b = integers(
          shape.reduce((p, q) => p * q),
          3,
          3,
        );
        const inputs = [
          { data: a, shape: [nRows, d] },
          { data: b, shape },
        ];
        const [y, da, db] = await runWithGradients(gpu, inputs, dy, (r, p, q) => multiply(r, p!, q!));
        expectClose(y!, multiplyTwin(a, b, span), exact, "y");
        expectClose(da!, multiplyTwin(dy, b, span), exact, "da");
        expectClose(db!, sum(multiplyTwin(dy, a)), exact, "db");
      }
    },
  );

  test("refuses what is no broadcast", async () => {
    const gpu = await testGpu();
    const [a, b] = [gpu.upload(floats(6, 1), [2, 3], "a"), gpu.upload(floats(2, 1), [2], "b")];
    expect((await refusal(gpu, (r) => [multiply(r, a, b)])).message).toMatch(
      /^multiply: b is \[2\], expected the shape of a \[2,3\]/,
    );
    gpu.free(a, b);
  });
});

describe("reductions", () => {
  test.each(sizes)("%i rows of %i: integers exactly", async (nRows, d) => {
    const gpu = await testGpu();
    const x = integers(nRows * d, 4, 3);
    const [rows, most, columns, all, squares] = await runOp(gpu, [{ data: x, shape: [nRows, d] }], (r, t) => [
      rowSum(r, t!),
      rowMax(r, t!),
      sumRows(r, t!),
      sumAll(r, t!),
      sumSquares(r, t!),
    ]);
    expectClose(rows!, rowSumTwin(x, d), exact, "rowSum");
    expectClose(most!, rowMaxTwin(x, d), exact, "rowMax");
    expectClose(columns!, sumRowsTwin(x, d), exact, "sumRows");
    expectClose(all!, [sumAllTwin(x)], exact, "sumAll");
    expectClose(squares!, [dotAllTwin(x, x)], exact, "sumSquares");
  });

  test("floats within the bound of a sum, large and small", async () => {
    const [x, z] = [floats(70_001, 5), floats(70_001, 6)];
    const shape = [70_001];
    const [all, product] = await runOp(
      await testGpu(),
      [
        { data: x, shape },
        { data: z, shape },
      ],
      (r, p, q) => [sumAll(r, p!), dotAll(r, p!, q!)],
    );
    expectClose(all!, [sumAllTwin(x)], sums(70_001, [sumAllTwin(x.map(Math.abs))]));
    expectClose(product!, [dotAllTwin(x, z)], sums(70_001, [dotAllTwin(x.map(Math.abs), z.map(Math.abs))]));
  });

  test("gradients of integers exactly", async () => {
    const gpu = await testGpu();
    const x = integers(15, 7);
    const inputs = [{ data: x, shape: [3, 5] }];
    const dy = Float32Array.of(2, -3, 5);
    const spread = Float32Array.from(x, (_, i) => dy[Math.floor(i / 5)]!);
    const [, rows] = await runWithGradients(gpu, inputs, dy, (r, t) => rowSum(r, t!));
    expectClose(rows!, spread, exact, "rowSum");
    const [, means] = await runWithGradients(gpu, inputs, dy, (r, t) => rowMean(r, t!));
    expectClose(
      means!,
      spread.map((v) => v / 5),
      (i) => 2 * U * Math.abs(spread[i]!),
      "rowMean",
    );
    const [, all] = await runWithGradients(gpu, inputs, Float32Array.of(3), (r, t) => sumAll(r, t!));
    expectClose(all!, new Float32Array(15).fill(3), exact, "sumAll");
    const [, squares] = await runWithGradients(gpu, inputs, Float32Array.of(3), (r, t) => sumSquares(r, t!));
    expectClose(
      squares!,
      x.map((v) => 6 * v),
      exact,
      "sumSquares",
    );
  });

  test("sumRows refuses what is no matrix, dotAll what is not as long", async () => {
    const gpu = await testGpu();
    const [a, b] = [gpu.upload(floats(6, 1), [6], "a"), gpu.upload(floats(2, 1), [2], "b")];
    expect((await refusal(gpu, (r) => [sumRows(r, a)])).message).toBe("sumRows: x is [6], expected a matrix");
    expect((await refusal(gpu, (r) => [dotAll(r, a, b)])).message).toBe(
      "dotAll: a is [6], b is [2], expected as many elements",
    );
    gpu.free(a, b);
  });
});

test.each(sizes)("broadcast to %i rows of %i: one value per row, and one in all", async (nRows, d) => {
  const x = integers(nRows, 8);
  const [rows, all] = await runOp(await testGpu(), [{ data: x, shape: [nRows] }], (r, t) => [
    broadcast(r, t!, [nRows, d], 2),
    broadcast(r, fill(r, [1], 5), [nRows, d]),
  ]);
  expectClose(rows!, broadcastTwin(x, nRows * d, 2), exact);
  expectClose(all!, new Float32Array(nRows * d).fill(5), exact);
});

test.each([1, 63, 4_200_000])("fill: %i elements", async (n) => {
  const [y] = await runOp(await testGpu(), [], (r) => [fill(r, [n], -0.5)]);
  expect(y!.length).toBe(n);
  expect(y!.every((v) => v === -0.5)).toBe(true);
});
