import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";

export const logTokenKernel = defineKernel({
  name: "log_token",
  bindings: { ids: "read", logprobs: "read", log: "read_write" },
  uniforms: { n: "u32", index: "u32" },
});

/**
 * Writes ids and log-probabilities of one decoded step to row `index` of a resident log.
 * ids u32 [B]; logprobs f32 [B]; log u32 [capacity, B, 2]: id, then the bits of the f32. No gradient.
 */
export function logToken(r: Recorder, ids: Tensor, logprobs: Tensor, log: Tensor, index: number | Dynamic): void {
  const n = ids.size;
  expectDType("logToken", "ids", ids, "u32");
  expectShape("logToken", "logprobs", logprobs, [n]);
  expectShape("logToken", "log", log, [log.shape[0] ?? 0, n, 2]);
  r.dispatch(logTokenKernel, { bind: { ids, logprobs, log }, uniforms: { n, index }, grid: [Math.ceil(n / 64)] });
}
