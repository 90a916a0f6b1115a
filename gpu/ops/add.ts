import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";
import { scale as scaleOp } from "./scale.ts";
import { sumRows } from "./sum_rows.ts";

export const addKernel = defineKernel({
  name: "add",
  bindings: { a: "read", b: "read", y: "read_write" },
  uniforms: { n: "u32", n_b: "u32", scale: "f32" },
});

/**
 * y = a + scale·b. `b` has the shape of `a` or of its last axes, over which it is broadcast.
 * a, y: [..., n_b]; b: [n_b]; f32. Gradients: da = dy, db = scale·Σ_leading dy.
 * Throws `shape` when b's shape is not the tail of a's.
 */
export function add(r: Recorder, a: Tensor, b: Tensor, scale = 1): Tensor {
  expectDType("add", "a", a, "f32");
  expectDType("add", "b", b, "f32");
  const tail = a.shape.slice(a.shape.length - b.shape.length);
  if (b.shape.length > a.shape.length || b.shape.some((n, i) => n !== tail[i])) {
    throw new LabError("shape", `add: b is ${shapeText(b)}, expected the shape of a ${shapeText(a)} or its last axes`);
  }
  const y = r.empty(a.shape, "f32", "add");
  r.dispatch(addKernel, {
    bind: { a, b, y },
    uniforms: { n: a.size, n_b: b.size, scale },
    grid: fold(Math.ceil(a.size / 64)),
  });
  r.onBackward(y, [a, b], (dy, [needsA, needsB]) => {
    if (!needsB) return [dy, null];
    const summed = b.size === a.size ? dy : r.reshape(sumRows(r, r.reshape(dy, [a.size / b.size, b.size])), b.shape);
    return [needsA ? dy : null, scale === 1 ? summed : scaleOp(r, summed, scale)];
  });
  return y;
}

/** Float64 twin of `add`. */
export function addTwin(a: ArrayLike<number>, b: ArrayLike<number>, scale = 1): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i]! + scale * b[i % b.length]!);
}
