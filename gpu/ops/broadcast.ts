import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";

export const broadcastKernel = defineKernel({
  name: "broadcast",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", n_x: "u32", span: "u32", scale: "f32" },
});

/**
 * y[n,d] = scale·x[n] where `x` has one element per row of `shape`, or scale·x[0] where it has one in all.
 * x, y: f32. No gradient (used inside backward passes).
 */
export function broadcast(r: Recorder, x: Tensor, shape: readonly number[], scale = 1): Tensor {
  const y = r.empty(shape, "f32", "broadcast");
  const span = x.size === 1 ? 1 : y.width;
  r.dispatch(broadcastKernel, {
    bind: { x, y },
    uniforms: { n: y.size, n_x: x.size, span, scale },
    grid: fold(Math.ceil(y.size / 64)),
  });
  return y;
}

/** Float64 twin of `broadcast` to `n` elements. */
export function broadcastTwin(x: ArrayLike<number>, n: number, scale = 1): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => scale * x[Math.floor((i * x.length) / n)]!);
}
