import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { broadcast } from "./broadcast.ts";

export const sumAllKernel = defineKernel({
  name: "sum_all",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", n_groups: "u32" },
});

/** Elements one workgroup of the first stage takes before another is worth its place. */
const elementsPerGroup = 4096;

/** Workgroups of a first stage: a sum in two stages of fixed order, so the same bits every time. */
export const groupsFor = (n: number): number => Math.min(256, Math.max(1, Math.ceil(n / elementsPerGroup)));

/** y = Σ x over all elements. x: any shape; y: [1]; f32. Gradient of x. */
export function sumAll(r: Recorder, x: Tensor): Tensor {
  expectDType("sumAll", "x", x, "f32");
  const nGroups = groupsFor(x.size);
  const y = r.empty([nGroups], "f32", "sum_all");
  r.dispatch(sumAllKernel, { bind: { x, y }, uniforms: { n: x.size, n_groups: nGroups }, grid: [nGroups] });
  const total = nGroups === 1 ? y : sumAll(r, y);
  r.onBackward(total, [x], (dy) => [broadcast(r, dy, x.shape)]);
  return total;
}

/** Float64 twin of `sumAll`. */
export function sumAllTwin(x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]!;
  return sum;
}
