import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { rowWorkgroup } from "../row_tuning.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { rowLse } from "./cross_entropy.ts";

const permutations = [8, 64, 256].flatMap((WG_SIZE) => [{ WG_SIZE }, { IS_LOG: 1, WG_SIZE }]);

export const softmaxKernel = defineKernel({
  name: "softmax",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n_rows: "u32", n_cols: "u32" },
  permutations,
});

export const softmaxDxKernel = defineKernel({
  name: "softmax_dx",
  bindings: { y: "read", dy: "read", dx: "read_write" },
  uniforms: { n_rows: "u32", n_cols: "u32" },
  permutations,
});

/** y = softmax of x along the last axis. x, y: [..., d]; f32. Gradient of x. */
export const softmax = (r: Recorder, x: Tensor): Tensor => normalised(r, "softmax", x, 0);

/** y = log softmax of x along the last axis. x, y: [..., d]; f32. Gradient of x. */
export const logSoftmax = (r: Recorder, x: Tensor): Tensor => normalised(r, "logSoftmax", x, 1);

function normalised(r: Recorder, op: string, x: Tensor, IS_LOG: 0 | 1): Tensor {
  expectDType(op, "x", x, "f32");
  const y = r.empty(x.shape, "f32", op);
  const constants = { ...(IS_LOG ? { IS_LOG } : {}), WG_SIZE: rowWorkgroup(r.gpu.adapter, x.width) };
  const shared = { uniforms: { n_rows: x.nRows, n_cols: x.width }, grid: fold(x.nRows), constants };
  r.dispatch(softmaxKernel, { bind: { x, y }, ...shared });
  r.onBackward(y, [x], (dy) => {
    const dx = r.empty(x.shape, "f32", `${op}.dx`);
    r.dispatch(softmaxDxKernel, { bind: { y, dy, dx }, ...shared });
    return [dx];
  });
  return y;
}

/** Float64 twin of `softmax`, or of `logSoftmax`. */
export function softmaxTwin(x: ArrayLike<number>, nCols: number, isLog: boolean): Float64Array {
  const y = new Float64Array(x.length);
  for (let n = 0; n < x.length / nCols; n++) {
    const lse = rowLse(x, n, nCols);
    for (let i = n * nCols; i < (n + 1) * nCols; i++) y[i] = isLog ? x[i]! - lse : Math.exp(x[i]! - lse);
  }
  return y;
}

/** Float64 twin of their gradients. */
export function softmaxBackwardTwin(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  nCols: number,
  isLog: boolean,
): Float64Array {
  const p = softmaxTwin(x, nCols, false);
  const dx = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += nCols) {
    let sum = 0;
    for (let i = base; i < base + nCols; i++) sum += dy[i]! * (isLog ? 1 : p[i]!);
    for (let i = base; i < base + nCols; i++) dx[i] = isLog ? dy[i]! - p[i]! * sum : p[i]! * (dy[i]! - sum);
  }
  return dx;
}
