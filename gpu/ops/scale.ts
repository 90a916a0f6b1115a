import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const scaleKernel = defineKernel({
  name: "scale",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", factor: "f32" },
});

/** y = factor·x, any shape, f32. Gradient: dx = factor·dy. */
export function scale(r: Recorder, x: Tensor, factor: number | Dynamic): Tensor {
  expectDType("scale", "x", x, "f32");
  const y = r.empty(x.shape, "f32", "scale");
  r.dispatch(scaleKernel, { bind: { x, y }, uniforms: { n: x.size, factor }, grid: fold(Math.ceil(x.size / 64)) });
  r.onBackward(y, [x], (dy) => [scale(r, dy, factor)]);
  return y;
}

/** Float64 twin of `scale`. */
export function scaleTwin(x: ArrayLike<number>, factor: number): Float64Array {
  return Float64Array.from({ length: x.length }, (_, i) => factor * x[i]!);
}
