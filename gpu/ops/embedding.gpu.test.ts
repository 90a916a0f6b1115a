import { describe, expect, test } from "vitest";
import { floatToHalf, halfToFloat } from "../../lib/half.ts";
import { Random } from "../../lib/random.ts";
import { exact, expectClose, sums } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { runOp, runWithGradients } from "../testing/run_op.ts";
import { embedding, embeddingTwin, gatherRows, scatterRows, scatterRowsTwin } from "./embedding.ts";

/** [rows of the table, width, number of ids] */
const sizes = [
  [1, 1, 1],
  [7, 3, 11],
  [65, 64, 63],
  [131, 5, 257],
  [66000, 1, 13],
] as const;

/** Ids with repeats, one beyond the table and the largest u32 among them. */
function idsFor(nRows: number, n: number, seed: number): Uint32Array<ArrayBuffer> {
  const random = new Random(seed, "ids");
  const ids = Uint32Array.from({ length: n }, () => random.int(nRows));
  if (n > 10) ids.set([nRows, 0xffffffff, 0, 0, nRows - 1], 3);
  return ids;
}

describe("embedding", () => {
  test.each(sizes)(
    "table of %i rows of %i, %i ids: copies, and sums of integers, exactly",
    async (nRows, d, n) => {
      const gpu = await testGpu();
      const [table, dy, ids] = [integers(nRows * d, 1), integers(n * d, 2), idsFor(nRows, n, 3)];
      const inputs = [
        { data: table, shape: [nRows, d] },
        { data: ids, shape: [n] },
      ];
      const [y, dTable] = await runWithGradients(gpu, inputs, dy, (r, t, i) => embedding(r, t!, i!));
      expectClose(y!, embeddingTwin(table, ids, d), exact, "y");
      expectClose(dTable!, scatterRowsTwin(dy, ids, nRows, d), exact, "dTable");
    },
  );

  test("many ids: 66,000 gathered", async () => {
    const gpu = await testGpu();
    const [table, ids] = [floats(6, 4), idsFor(3, 66000, 5)];
    const inputs = [
      { data: table, shape: [3, 2] },
      { data: ids, shape: [660, 100] },
    ];
    const [y] = await runOp(gpu, inputs, (r, t, i) => [embedding(r, t!, i!)]);
    expectClose(y!, embeddingTwin(table, ids, 2), exact);
  });

  test("gradients of floats within the bound of a sum, and the same bits on a second run", async () => {
    const gpu = await testGpu();
    const [nRows, d, n] = [17, 33, 500];
    const [dy, ids] = [floats(n * d, 6), idsFor(nRows, n, 7)];
    const inputs = [
      { data: floats(nRows * d, 8), shape: [nRows, d] },
      { data: ids, shape: [n] },
    ];
    const run = () => runWithGradients(gpu, inputs, dy, (r, t, i) => embedding(r, t!, i!));
    const [[, first], [, second]] = [await run(), await run()];
    const magnitude = scatterRowsTwin(dy.map(Math.abs), ids, nRows, d);
    expectClose(first!, scatterRowsTwin(dy, ids, nRows, d), sums(n, magnitude));
    expectClose(second!, first!, exact);
  });

  test("left-over memory cannot pass for the start of a row: a plan run again with other ids", async () => {
    const gpu = await testGpu();
    const [n, nRows] = [64, 40];
    const x = gpu.upload(integers(n, 9), [n, 1], "x");
    const ids = gpu.upload(new Uint32Array(n), [n], "ids");
    const plan = await gpu.record("scatter", (r) => r.keep(scatterRows(r, x, ids, nRows)));
    for (const seed of [10, 11, 12]) {
      const rows = idsFor(nRows, n, seed).map((id) => id - (id % (seed - 8)));
      gpu.write(ids, rows);
      plan.run();
      expectClose(await gpu.read(plan.outputs), scatterRowsTwin(integers(n, 9), rows, nRows, 1), exact);
    }
    plan.dispose();
    gpu.free(x, ids);
  });

  test("a table stored in f16 gives its halves exactly", async ({ skip }) => {
    const gpu = await testGpu();
    if (!gpu.features.f16) skip("the adapter has no f16");
    const bits = floatToHalf(floats(21, 13));
    const table = gpu.zeros([7, 3], "f16", "table");
    gpu.write(table, bits);
    const ids = gpu.upload(Uint32Array.of(6, 0, 3, 3, 9), [5], "ids");
    const [y] = await evaluate(gpu, (r) => [embedding(r, table, ids)]);
    expectClose(y!, embeddingTwin(halfToFloat(bits), [6, 0, 3, 3, 9], 3), exact);
    gpu.free(table, ids);
  });

  test("worked example: V=3, ids 2 0 2", async () => {
    const gpu = await testGpu();
    const dy = Float32Array.of(1, 2, 3, 4, 10, 20);
    const inputs = [
      { data: new Float32Array(6), shape: [3, 2] },
      { data: Uint32Array.of(2, 0, 2), shape: [3] },
    ];
    const [, dTable] = await runWithGradients(gpu, inputs, dy, (r, t, i) => embedding(r, t!, i!));
    expectClose(dTable!, [3, 4, 0, 0, 11, 22], exact);
  });

  test("refuses a table that is no matrix and ids that are floats", async () => {
    const gpu = await testGpu();
    const [x, ids] = [gpu.upload(floats(4, 1), [4], "x"), gpu.upload(new Uint32Array(2), [2], "ids")];
    expect((await refusal(gpu, (r) => [embedding(r, x, ids)])).message).toBe(
      "embedding: table is [4], expected a matrix",
    );
    expect((await refusal(gpu, (r) => [gatherRows(r, x, x)])).message).toBe(
      "gatherRows: ids holds f32, expected u32",
    );
    gpu.free(x, ids);
  });
});

describe("gatherRows and scatterRows", () => {
  test("are each other's gradient", async () => {
    const gpu = await testGpu();
    const [x, dy, rows] = [integers(15, 14), integers(21, 15), Uint32Array.of(4, 0, 0, 6, 2)];
    const inputs = [
      { data: x, shape: [5, 3] },
      { data: rows, shape: [5] },
    ];
    const [y, dx] = await runWithGradients(gpu, inputs, dy, (r, t, i) => scatterRows(r, t!, i!, 7));
    expectClose(y!, scatterRowsTwin(x, rows, 7, 3), exact);
    expectClose(dx!, embeddingTwin(dy, rows, 3), exact);
  });

  test("refuses rows of another number than x has", async () => {
    const gpu = await testGpu();
    const [x, rows] = [gpu.upload(floats(6, 1), [3, 2], "x"), gpu.upload(new Uint32Array(2), [2], "rows")];
    const error = await refusal(gpu, (r) => [scatterRows(r, x, rows, 4)]);
    expect(error.message).toBe("scatterRows: x is [3,2], expected [2,d] for rows [2]");
    gpu.free(x, rows);
  });
});
