import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";

export const fillKernel = defineKernel({
  name: "fill",
  bindings: { y: "read_write" },
  uniforms: { n: "u32", value: "f32" },
});

/** A tensor of `shape` (f32) with every element `value`. No gradient. */
export function fill(r: Recorder, shape: readonly number[], value: number): Tensor {
  const y = r.empty(shape, "f32", "fill");
  r.dispatch(fillKernel, { bind: { y }, uniforms: { n: y.size, value }, grid: fold(Math.ceil(y.size / 64)) });
  return y;
}
