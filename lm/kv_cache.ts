import type { Gpu } from "../gpu/gpu.ts";
import { Tensor } from "../gpu/tensor.ts";
import type { LlamaConfig } from "./config.ts";

/** Keys and values of the tokens seen so far, for each layer [B, K, S, D] in f32, S being the capacity. */
export interface KvCache {
  readonly batch: number;
  readonly capacity: number;
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

/** An empty cache for `batch` sequences of at most `capacity` tokens. */
export function allocateCache(gpu: Gpu, config: LlamaConfig, batch: number, capacity: number): KvCache {
  const shape = [batch, config.nKvHead, capacity, config.dHead];
  const make = (label: string): Tensor[] =>
    Array.from({ length: config.nLayer }, (_, i) => gpu.zeros(shape, "f32", `${label}.${i}`, "cache"));
  return { batch, capacity, keys: make("keys"), values: make("values") };
}

export function freeCache(gpu: Gpu, cache: KvCache): void {
  gpu.free(...cache.keys, ...cache.values);
}

/** A view of the first sequence alone: what a prompt is run into before it is copied to the others. */
export function firstSequence(cache: KvCache): KvCache {
  const view = (t: Tensor): Tensor => new Tensor(t.storage, [1, ...t.shape.slice(1)], t.dtype);
  return { ...cache, batch: 1, keys: cache.keys.map(view), values: cache.values.map(view) };
}
