import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";
import { sumAll } from "./reduce_all.ts";
import { rowSum } from "./reduce_rows.ts";
import { sumRows } from "./sum_rows.ts";

export const multiplyKernel = defineKernel({
  name: "multiply",
  bindings: { a: "read", b: "read", y: "read_write" },
  uniforms: { n: "u32", n_b: "u32", span: "u32" },
});

/**
 * y = a ⊙ b. a, y: any shape; b: the shape of a or of its last axes (the same for all leading ones), a's shape
 * with 1 as the last axis (one factor per row), or a single element; f32. Gradients of both. Throws `shape`.
 */
export function multiply(r: Recorder, a: Tensor, b: Tensor): Tensor {
  expectDType("multiply", "a", a, "f32");
  expectDType("multiply", "b", b, "f32");
  const kind = broadcastOf(a, b);
  const y = r.empty(a.shape, "f32", "multiply");
  r.dispatch(multiplyKernel, {
    bind: { a, b, y },
    uniforms: { n: a.size, n_b: b.size, span: kind === "rows" ? a.width : 1 },
    grid: fold(Math.ceil(a.size / 64)),
  });
  r.onBackward(y, [a, b], (dy, [needsA, needsB]) => {
    const da = needsA ? multiply(r, dy, b) : null;
    if (!needsB) return [da, null];
    const product = multiply(r, dy, a);
    if (kind === "one") return [da, r.reshape(sumAll(r, product), b.shape)];
    if (kind === "rows") return [da, r.reshape(rowSum(r, product), b.shape)];
    if (b.size === a.size) return [da, r.reshape(product, b.shape)];
    return [da, r.reshape(sumRows(r, r.reshape(product, [a.size / b.size, b.size])), b.shape)];
  });
  return y;
}

function broadcastOf(a: Tensor, b: Tensor): "tail" | "rows" | "one" {
  if (b.size === 1) return "one";
  const tail = a.shape.slice(a.shape.length - b.shape.length);
  if (b.shape.length <= a.shape.length && b.shape.every((n, i) => n === tail[i])) return "tail";
  if (
    b.width === 1 &&
    b.shape.length === a.shape.length &&
    b.shape.every((n, i) => n === a.shape[i] || i === b.shape.length - 1)
  ) {
    return "rows";
  }
  throw new LabError(
    "shape",
    `multiply: b is ${shapeText(b)}, expected the shape of a ${shapeText(a)}, its last axes, one factor per row or one in all`,
  );
}

/** Float64 twin of `multiply`; `span` is 1 for b over the last axes, the width of a for one factor per row. */
export function multiplyTwin(a: ArrayLike<number>, b: ArrayLike<number>, span = 1): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i]! * b[Math.floor(i / span) % b.length]!);
}
