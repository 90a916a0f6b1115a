import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";

export const accumulateKernel = defineKernel({
  name: "accumulate",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", keep: "f32" },
});

/** y ← keep·y + x in place, y resident; `keep` 0 overwrites. Same shapes, f32, no gradient. Throws `shape`. */
export function accumulate(r: Recorder, x: Tensor, y: Tensor, keep: number | Dynamic): void {
  expectDType("accumulate", "x", x, "f32");
  expectDType("accumulate", "y", y, "f32");
  expectShape("accumulate", "x", x, y.shape);
  r.dispatch(accumulateKernel, { bind: { x, y }, uniforms: { n: x.size, keep }, grid: fold(Math.ceil(x.size / 64)) });
}
