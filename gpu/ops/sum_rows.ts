import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";

export const sumRowsKernel = defineKernel({
  name: "sum_rows",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n_rows: "u32", n_cols: "u32" },
});

/** y[j] = Σ_i x[i,j]. x: [n_rows, n_cols], y: [n_cols], f32. No gradient (used inside backward passes). */
export function sumRows(r: Recorder, x: Tensor): Tensor {
  expectDType("sumRows", "x", x, "f32");
  const [nRows, nCols] = x.shape;
  if (x.shape.length !== 2) throw new LabError("shape", `sumRows: x is ${shapeText(x)}, expected a matrix`);
  const y = r.empty([nCols!], "f32", "sum_rows");
  r.dispatch(sumRowsKernel, {
    bind: { x, y },
    uniforms: { n_rows: nRows!, n_cols: nCols! },
    grid: fold(Math.ceil(nCols! / 8)),
  });
  return y;
}

/** Float64 twin of `sumRows`. */
export function sumRowsTwin(x: ArrayLike<number>, nCols: number): Float64Array {
  const y = new Float64Array(nCols);
  for (let i = 0; i < x.length; i++) y[i % nCols]! += x[i]!;
  return y;
}
