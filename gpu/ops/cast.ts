import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const castHalfKernel = defineKernel({
  name: "cast_half",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32" },
  elem: "y",
});

export const castFloatKernel = defineKernel({
  name: "cast_float",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32" },
  elem: "x",
});

/**
 * The same values stored as f16; those beyond ±65504 become ±65504. x: f32, any shape; y: f16. Gradient: dx = dy
 * (the rounding is taken for the identity), which stays f32. Throws `unsupported` where the adapter has no f16.
 */
export function castHalf(r: Recorder, x: Tensor): Tensor {
  expectDType("castHalf", "x", x, "f32");
  if (!r.gpu.features.f16) {
    throw new LabError(
      "unsupported",
      "castHalf: this graphics adapter has no f16",
      "Keep the tensor in f32.",
    );
  }
  const y = r.empty(x.shape, "f16", "cast_half");
  r.dispatch(castHalfKernel, { bind: { x, y }, uniforms: { n: x.size }, grid: fold(Math.ceil(x.size / 64)) });
  r.onBackward(y, [x], (dy) => [dy]);
  return y;
}

/** The same values as f32, exactly. x: f16, any shape; y: f32. Gradient: dx = dy, in f32. */
export function castFloat(r: Recorder, x: Tensor): Tensor {
  expectDType("castFloat", "x", x, "f16");
  const y = r.empty(x.shape, "f32", "cast_float");
  r.dispatch(castFloatKernel, {
    bind: { x, y },
    uniforms: { n: x.size },
    grid: fold(Math.ceil(x.size / 64)),
  });
  r.onBackward(y, [x], (dy) => [dy]);
  return y;
}
