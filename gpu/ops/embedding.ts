import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";

export const embeddingKernel = defineKernel({
  name: "embedding",
  bindings: { table: "read", ids: "read", y: "read_write" },
  uniforms: { n: "u32", d_model: "u32", n_rows: "u32" },
  elem: "table",
});

export const embeddingOrderKernel = defineKernel({
  name: "embedding_order",
  bindings: { ids: "read", order: "read_write", start: "read_write" },
  uniforms: { n_ids: "u32", n_rows: "u32" },
});

export const embeddingDtableKernel = defineKernel({
  name: "embedding_dtable",
  bindings: { ids: "read", order: "read", start: "read", dy: "read", d_table: "read_write" },
  uniforms: { n: "u32", d_model: "u32", n_ids: "u32" },
});

/**
 * y[n] = table[ids[n]]. table: [d_vocab, d_model], f32 or f16; ids: u32 of any shape; y: ids' shape + [d_model], f32.
 * An id that is no row of the table gives zeros and no gradient (the ids are on the GPU, no guard sees them).
 * Gradient of the table, always f32: Σ of the rows of dy with that id, in the order of the ids, so the same bits
 * every time. Throws `shape`.
 */
export function embedding(r: Recorder, table: Tensor, ids: Tensor): Tensor {
  return gather(r, "embedding", table, ids);
}

/**
 * y[i] = x[rows[i]]: rows of a matrix, in any order, any number of times. x: [N, d], f32 or f16; rows: u32 [M];
 * y: [M, d], f32. A row that is not there gives zeros. Gradient of x. Throws `shape`.
 */
export function gatherRows(r: Recorder, x: Tensor, rows: Tensor): Tensor {
  return gather(r, "gatherRows", x, rows);
}

function gather(r: Recorder, op: string, table: Tensor, ids: Tensor): Tensor {
  expectDType(op, "table", table, "f32", "f16");
  expectDType(op, "ids", ids, "u32");
  const [nRows, dModel] = table.shape;
  if (table.shape.length !== 2)
    throw new LabError("shape", `${op}: table is ${shapeText(table)}, expected a matrix`);
  const y = r.empty([...ids.shape, dModel!], "f32", op);
  r.dispatch(embeddingKernel, {
    bind: { table, ids, y },
    uniforms: { n: y.size, d_model: dModel!, n_rows: nRows! },
    grid: fold(Math.ceil(y.size / 64)),
  });
  r.onBackward(y, [table], (dy) => [scatterRows(r, r.reshape(dy, [ids.size, dModel!]), ids, nRows!)]);
  return y;
}

/**
 * y[v] = Σ_{i : rows[i] = v} x[i], zeros where no row goes. x: [M, d] f32; rows: u32, M elements; y: [nRows, d].
 * Deterministic: each sum runs in the order of i. Rows outside y are dropped. Gradient of x. Throws `shape`.
 */
export function scatterRows(r: Recorder, x: Tensor, rows: Tensor, nRows: number): Tensor {
  expectDType("scatterRows", "x", x, "f32");
  expectDType("scatterRows", "rows", rows, "u32");
  if (x.shape.length !== 2 || rows.size !== x.shape[0]) {
    throw new LabError(
      "shape",
      `scatterRows: x is ${shapeText(x)}, expected [${rows.size},d] for rows ${shapeText(rows)}`,
    );
  }
  const dModel = x.width;
  const order = r.empty([rows.size], "u32", "scatter_rows.order");
  const start = r.empty([nRows], "u32", "scatter_rows.start");
  const y = r.empty([nRows, dModel], "f32", "scatter_rows");
  r.dispatch(embeddingOrderKernel, {
    bind: { ids: rows, order, start },
    uniforms: { n_ids: rows.size, n_rows: nRows },
    grid: fold(Math.ceil(rows.size / 64)),
  });
  r.dispatch(embeddingDtableKernel, {
    bind: { ids: rows, order, start, dy: x, d_table: y },
    uniforms: { n: y.size, d_model: dModel, n_ids: rows.size },
    grid: fold(Math.ceil(y.size / 64)),
  });
  r.onBackward(y, [x], (dy) => [gatherRows(r, dy, rows)]);
  return y;
}

/** Float64 twin of `embedding` and `gatherRows`. */
export function embeddingTwin(
  table: ArrayLike<number>,
  ids: ArrayLike<number>,
  dModel: number,
): Float64Array {
  const nRows = table.length / dModel;
  return Float64Array.from({ length: ids.length * dModel }, (_, i) => {
    const id = ids[Math.floor(i / dModel)]!;
    return id < nRows ? table[id * dModel + (i % dModel)]! : 0;
  });
}

/** Float64 twin of `scatterRows`, which is the gradient of `embedding`'s table. */
export function scatterRowsTwin(
  x: ArrayLike<number>,
  rows: ArrayLike<number>,
  nRows: number,
  dModel: number,
): Float64Array {
  const y = new Float64Array(nRows * dModel);
  for (let i = 0; i < rows.length; i++) {
    if (rows[i]! >= nRows) continue;
    for (let d = 0; d < dModel; d++) y[rows[i]! * dModel + d]! += x[i * dModel + d]!;
  }
  return y;
}
