import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import { sumRows } from "./sum_rows.ts";

export const layerNormKernel = defineKernel({
  name: "layer_norm",
  bindings: { x: "read", w: "read", b: "read", y: "read_write", mean: "read_write", rstd: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32", eps: "f32" },
});

export const layerNormDxKernel = defineKernel({
  name: "layer_norm_dx",
  bindings: { x: "read", w: "read", mean: "read", rstd: "read", dy: "read", dx: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32" },
});

export const layerNormDwKernel = defineKernel({
  name: "layer_norm_dw",
  bindings: { x: "read", mean: "read", rstd: "read", dy: "read", dw: "read_write" },
  uniforms: { n_rows: "u32", d_model: "u32" },
});

/**
 * y = w ⊙ (x − mean) / sqrt(var + eps) + b along the last axis, with the population variance.
 * x, y: [..., d_model]; w, b: [d_model]; f32. Gradients of x, w and b. Throws `shape`.
 * Source: Ba et al. 2016 (arXiv 1607.06450).
 */
export function layerNorm(r: Recorder, x: Tensor, w: Tensor, b: Tensor, eps: number): Tensor {
  const [nRows, dModel] = [x.nRows, x.width];
  for (const [name, t] of Object.entries({ x, w, b })) expectDType("layerNorm", name, t, "f32");
  expectShape("layerNorm", "w", w, [dModel]);
  expectShape("layerNorm", "b", b, [dModel]);
  const y = r.empty(x.shape, "f32", "layer_norm");
  const mean = r.empty([nRows], "f32", "layer_norm.mean");
  const rstd = r.empty([nRows], "f32", "layer_norm.rstd");
  r.dispatch(layerNormKernel, {
    bind: { x, w, b, y, mean, rstd },
    uniforms: { n_rows: nRows, d_model: dModel, eps },
    grid: fold(nRows),
  });
  r.onBackward(y, [x, w, b], (dy, [needsX, needsW, needsB]) => {
    const uniforms = { n_rows: nRows, d_model: dModel };
    const dx = needsX ? r.empty(x.shape, "f32", "layer_norm.dx") : null;
    const dw = needsW ? r.empty(w.shape, "f32", "layer_norm.dw") : null;
    if (dx)
      r.dispatch(layerNormDxKernel, { bind: { x, w, mean, rstd, dy, dx }, uniforms, grid: fold(nRows) });
    if (dw) {
      r.dispatch(layerNormDwKernel, {
        bind: { x, mean, rstd, dy, dw },
        uniforms,
        grid: fold(Math.ceil(dModel / 8)),
      });
    }
    return [dx, dw, needsB ? sumRows(r, r.reshape(dy, [nRows, dModel])) : null];
  });
  return y;
}

/** Float64 twin of `layerNorm`. */
export function layerNormTwin(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  b: ArrayLike<number>,
  eps: number,
): Float64Array {
  const dModel = w.length;
  const y = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += dModel) {
    const { mean, rstd } = rowMoments(x, base, dModel, eps);
    for (let d = 0; d < dModel; d++) y[base + d] = (x[base + d]! - mean) * rstd * w[d]! + b[d]!;
  }
  return y;
}

/** Float64 twin of the gradients. */
export function layerNormBackwardTwin(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  dy: ArrayLike<number>,
  eps: number,
): { dx: Float64Array; dw: Float64Array; db: Float64Array } {
  const dModel = w.length;
  const [dx, dw, db] = [new Float64Array(x.length), new Float64Array(dModel), new Float64Array(dModel)];
  for (let base = 0; base < x.length; base += dModel) {
    const { mean, rstd } = rowMoments(x, base, dModel, eps);
    let [sum, dot] = [0, 0];
    for (let d = 0; d < dModel; d++) {
      const g = w[d]! * dy[base + d]!;
      sum += g;
      dot += g * (x[base + d]! - mean) * rstd;
    }
    for (let d = 0; d < dModel; d++) {
      const h = (x[base + d]! - mean) * rstd;
      dx[base + d] = rstd * (w[d]! * dy[base + d]! - sum / dModel - (h * dot) / dModel);
      dw[d]! += dy[base + d]! * h;
      db[d]! += dy[base + d]!;
    }
  }
  return { dx, dw, db };
}

/** Mean and 1 / sqrt(population variance + eps) of one row. */
export function rowMoments(
  x: ArrayLike<number>,
  base: number,
  dModel: number,
  eps: number,
): { mean: number; rstd: number } {
  let [sum, sq] = [0, 0];
  for (let d = 0; d < dModel; d++) sum += x[base + d]!;
  const mean = sum / dModel;
  for (let d = 0; d < dModel; d++) sq += (x[base + d]! - mean) ** 2;
  return { mean, rstd: 1 / Math.sqrt(sq / dModel + eps) };
}
