import { LabError } from "../../lib/errors.ts";
import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";
import { multiply } from "./multiply.ts";
import { groupsFor, sumAll } from "./reduce_all.ts";

export const dotAllKernel = defineKernel({
  name: "dot_all",
  bindings: { a: "read", b: "read", y: "read_write" },
  uniforms: { n: "u32", n_groups: "u32" },
});

/** y = Σ a·b over all elements. a, b: one shape; y: [1]; f32. Gradients of both. Throws `shape`. */
export function dotAll(r: Recorder, a: Tensor, b: Tensor): Tensor {
  expectDType("dotAll", "a", a, "f32");
  expectDType("dotAll", "b", b, "f32");
  if (a.size !== b.size) {
    throw new LabError(
      "shape",
      `dotAll: a is ${shapeText(a)}, b is ${shapeText(b)}, expected as many elements`,
    );
  }
  const nGroups = groupsFor(a.size);
  const y = r.empty([nGroups], "f32", "dot_all");
  r.dispatch(dotAllKernel, {
    bind: { a, b, y },
    uniforms: { n: a.size, n_groups: nGroups },
    grid: [nGroups],
  });
  const total = nGroups === 1 ? y : sumAll(r, y);
  r.onBackward(total, [a, b], (dy, [needsA, needsB]) => [
    needsA ? r.reshape(multiply(r, b, dy), a.shape) : null,
    needsB ? r.reshape(multiply(r, a, dy), b.shape) : null,
  ]);
  return total;
}

/** y = Σ x² over all elements. x: any shape; y: [1]; f32. Gradient of x. */
export const sumSquares = (r: Recorder, x: Tensor): Tensor => dotAll(r, x, x);

/** Float64 twin of `dotAll`. */
export function dotAllTwin(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
