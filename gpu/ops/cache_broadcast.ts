import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { shapeText, type Tensor } from "../tensor.ts";

export const cacheBroadcastKernel = defineKernel({
  name: "cache_broadcast",
  bindings: { cache: "read_write" },
  uniforms: { n: "u32", length: "u32", capacity: "u32", d_head: "u32", n_kv_head: "u32" },
});

/**
 * Copies the first `length` positions of sequence 0 to every other sequence of a KV cache, in place.
 * cache: [B, K, S, D] f32. No gradient. Throws `shape`.
 */
export function cacheBroadcast(r: Recorder, cache: Tensor, length: number): void {
  const [batch, nKvHead, capacity, dHead] = cache.shape;
  if (cache.shape.length !== 4 || length > capacity!) {
    throw new LabError("shape", `cacheBroadcast: cache is ${shapeText(cache)}, expected [B,K,S,D] with S at least ${length}`);
  }
  const n = (batch! - 1) * nKvHead! * length * dHead!;
  r.dispatch(cacheBroadcastKernel, {
    bind: { cache },
    uniforms: { n, length, capacity: capacity!, d_head: dHead!, n_kv_head: nKvHead! },
    grid: fold(Math.ceil(n / 64)),
  });
}
