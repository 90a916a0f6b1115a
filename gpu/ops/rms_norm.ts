import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { rowWorkgroup } from "../row_tuning.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";

export const rmsNormKernel = defineKernel({
  name: "rms_norm",
  bindings: { x: "read", w: "read", y: "read_write", rstd: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32", eps: "f32" },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 256 }],
});

export const rmsNormDxKernel = defineKernel({
  name: "rms_norm_dx",
  bindings: { x: "read", w: "read", rstd: "read", dy: "read", dx: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32" },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 256 }],
});

export const rmsNormDwKernel = defineKernel({
  name: "rms_norm_dw",
  bindings: { x: "read", rstd: "read", dy: "read", dw: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32" },
});

/**
 * y = w ⊙ x / sqrt(mean(x²) + eps) along the last axis.
 * x, y: [..., d_model]; w: [d_model]; f32. Gradients of x and w.
 * Throws `shape`. Source: Zhang & Sennrich 2019 (arXiv 1910.07467), eq. 4.
 */
export function rmsNorm(r: Recorder, x: Tensor, w: Tensor, eps: number): Tensor {
  const [nRows, dModel] = [x.nRows, x.width];
  expectDType("rmsNorm", "x", x, "f32");
  expectDType("rmsNorm", "w", w, "f32");
  expectShape("rmsNorm", "w", w, [dModel]);
  const y = r.empty(x.shape, "f32", "rms_norm");
  const rstd = r.empty([nRows], "f32", "rms_norm.rstd");
  const constants = { WG_SIZE: rowWorkgroup(r.gpu.adapter, dModel) };
  r.dispatch(rmsNormKernel, { bind: { x, w, y, rstd }, uniforms: { n_rows: nRows, d_model: dModel, eps }, constants, grid: fold(nRows) });
  r.onBackward(y, [x, w], (dy, [needsX, needsW]) => {
    const uniforms = { n_rows: nRows, d_model: dModel };
    const dx = needsX ? r.empty(x.shape, "f32", "rms_norm.dx") : null;
    const dw = needsW ? r.empty(w.shape, "f32", "rms_norm.dw") : null;
    if (dx) r.dispatch(rmsNormDxKernel, { bind: { x, w, rstd, dy, dx }, uniforms, constants, grid: fold(nRows) });
    if (dw) r.dispatch(rmsNormDwKernel, { bind: { x, rstd, dy, dw }, uniforms, grid: fold(Math.ceil(dModel / 8)) });
    return [dx, dw];
  });
  return y;
}

/** Float64 twin of `rmsNorm`. */
export function rmsNormTwin(x: ArrayLike<number>, w: ArrayLike<number>, eps: number): Float64Array {
  const dModel = w.length;
  const y = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += dModel) {
    const rstd = rowRstd(x, base, dModel, eps);
    for (let d = 0; d < dModel; d++) y[base + d] = x[base + d]! * rstd * w[d]!;
  }
  return y;
}

/** Float64 twin of the gradients. */
export function rmsNormBackwardTwin(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  dy: ArrayLike<number>,
  eps: number,
): { dx: Float64Array; dw: Float64Array } {
  const dModel = w.length;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(dModel);
  for (let base = 0; base < x.length; base += dModel) {
    const rstd = rowRstd(x, base, dModel, eps);
    let dot = 0;
    for (let d = 0; d < dModel; d++) dot += w[d]! * dy[base + d]! * x[base + d]!;
    const pull = (dot / dModel) * rstd ** 3;
    for (let d = 0; d < dModel; d++) {
      dx[base + d] = rstd * w[d]! * dy[base + d]! - x[base + d]! * pull;
      dw[d]! += dy[base + d]! * x[base + d]! * rstd;
    }
  }
  return { dx, dw };
}

function rowRstd(x: ArrayLike<number>, base: number, dModel: number, eps: number): number {
  let sq = 0;
  for (let d = 0; d < dModel; d++) sq += x[base + d]! ** 2;
  return 1 / Math.sqrt(sq / dModel + eps);
}
