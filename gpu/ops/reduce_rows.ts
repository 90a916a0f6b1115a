import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { broadcast } from "./broadcast.ts";

export const reduceRowsKernel = defineKernel({
  name: "reduce_rows",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n_rows: "u32", n_cols: "u32", scale: "f32" },
  permutations: [{ IS_MAX: 1 }],
});

/** y[n] = Σ_d x[n,d], one number per row. x: [..., d]; y: [...]; f32. Gradient of x. */
export const rowSum = (r: Recorder, x: Tensor): Tensor => scaledRowSum(r, "rowSum", x, 1);

/** y[n] = mean_d x[n,d], one number per row. x: [..., d]; y: [...]; f32. Gradient of x. */
export const rowMean = (r: Recorder, x: Tensor): Tensor => scaledRowSum(r, "rowMean", x, 1 / x.width);

/** y[n] = max_d x[n,d], one number per row. x: [..., d]; y: [...]; f32. No gradient. */
export const rowMax = (r: Recorder, x: Tensor): Tensor => reduceRows(r, "rowMax", x, 1, { IS_MAX: 1 });

function scaledRowSum(r: Recorder, op: string, x: Tensor, scale: number): Tensor {
  const y = reduceRows(r, op, x, scale, {});
  r.onBackward(y, [x], (dy) => [broadcast(r, dy, x.shape, scale)]);
  return y;
}

function reduceRows(
  r: Recorder,
  op: string,
  x: Tensor,
  scale: number,
  constants: Record<string, number>,
): Tensor {
  expectDType(op, "x", x, "f32");
  const y = r.empty(x.shape.slice(0, -1), "f32", op);
  const uniforms = { n_rows: x.nRows, n_cols: x.width, scale };
  r.dispatch(reduceRowsKernel, { bind: { x, y }, uniforms, grid: fold(x.nRows), constants });
  return y;
}

/** Float64 twin of `rowSum`. */
export function rowSumTwin(x: ArrayLike<number>, nCols: number): Float64Array {
  const y = new Float64Array(x.length / nCols);
  for (let i = 0; i < x.length; i++) y[Math.floor(i / nCols)]! += x[i]!;
  return y;
}

/** Float64 twin of `rowMax`. */
export function rowMaxTwin(x: ArrayLike<number>, nCols: number): Float64Array {
  const y = new Float64Array(x.length / nCols).fill(-Infinity);
  for (let i = 0; i < x.length; i++) y[Math.floor(i / nCols)] = Math.max(y[Math.floor(i / nCols)]!, x[i]!);
  return y;
}
