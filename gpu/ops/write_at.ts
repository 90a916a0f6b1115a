import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { Dynamic } from "../step.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const writeAtKernel = defineKernel({
  name: "write_at",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", offset: "u32" },
});

/**
 * Writes all of `x` into the resident `y` from element `offset` on; the rest of `y` stays. f32, no gradient.
 * Throws `shape` when it does not fit (a Dynamic offset is for the caller to keep in range).
 */
export function writeAt(r: Recorder, x: Tensor, y: Tensor, offset: number | Dynamic): void {
  expectDType("writeAt", "x", x, "f32");
  expectDType("writeAt", "y", y, "f32");
  const first = offset instanceof Dynamic ? 0 : offset;
  if (first + x.size > y.size) {
    throw new LabError("shape", `writeAt: ${x.size} elements at ${first} do not fit into ${y.size}`);
  }
  r.dispatch(writeAtKernel, { bind: { x, y }, uniforms: { n: x.size, offset }, grid: fold(Math.ceil(x.size / 64)) });
}
