import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import { expectProduct, isAligned, productTwin, rowLaunch, rowPermutations } from "./decode_rows.ts";

const declaration = {
  bindings: { x: "read", w: "read", residual: "read", y: "read_write" },
  uniforms: { n_batch: "u32", d_in: "u32", n_rows: "u32" },
  elem: "w",
  permutations: rowPermutations,
} as const;
export const decodeProjectKernel = defineKernel({ name: "decode_project", ...declaration });
export const decodeProjectUnalignedKernel = defineKernel({ name: "decode_project_unaligned", ...declaration });

/**
 * y = residual + x·wᵀ for a few rows: the output projections of attention and MLP while decoding.
 * x: [B, d_in] f32; w: [d_out, d_in] f32 or f16; residual, y: [B, d_out] f32. No gradient: decoding never
 * trains. Throws `shape`.
 */
export function decodeProject(r: Recorder, x: Tensor, w: Tensor, residual: Tensor): Tensor {
  const [nBatch, dIn, nRows] = [x.nRows, x.width, w.nRows];
  expectProduct("decodeProject", x, w, "w");
  expectDType("decodeProject", "residual", residual, "f32");
  expectShape("decodeProject", "residual", residual, [nBatch, nRows]);
  const y = r.empty([nBatch, nRows], "f32", "decode_project");
  r.dispatch(isAligned(dIn) ? decodeProjectKernel : decodeProjectUnalignedKernel, {
    bind: { x, w, residual, y },
    uniforms: { n_batch: nBatch, d_in: dIn, n_rows: nRows },
    ...rowLaunch(r, dIn, Math.ceil(nRows / 4), nBatch),
  });
  return y;
}

/** Float64 twin of `decodeProject`. */
export function decodeProjectTwin(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  residual: ArrayLike<number>,
  dIn: number,
): Float64Array {
  return productTwin(x, w, dIn).map((z, i) => residual[i]! + z);
}
