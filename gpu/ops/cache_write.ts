import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import type { Tensor } from "../tensor.ts";
import { expectCache, expectFused, fusedWidth, type Heads } from "./attention_layout.ts";

export const cacheWriteKernel = defineKernel({
  name: "cache_write",
  bindings: { qkv: "read", k: "read_write", v: "read_write" },
  uniforms: {
    n: "u32",
    n_head: "u32",
    n_kv_head: "u32",
    d_head: "u32",
    seq_len: "u32",
    position: "u32",
    capacity: "u32",
  },
});

export interface CacheWriteOptions extends Heads {
  readonly seqLen: number;
  /** Cache row of each sequence's first token. */
  readonly position: number | Dynamic;
}

/**
 * Writes the keys and values of fused rows (rotated already) to the cache, row b·T + t to cache row
 * `position + t`. Other cache rows stay; with a Dynamic position, rows past the capacity are dropped.
 * qkv: [B·T, (nHead + 2·nKvHead)·dHead]; k, v: [B, nKvHead, S, dHead]; f32. No gradient. Throws `shape`.
 */
export function cacheWrite(r: Recorder, qkv: Tensor, k: Tensor, v: Tensor, options: CacheWriteOptions): void {
  const { nHead, nKvHead, dHead, seqLen, position } = options;
  const batch = expectFused("cacheWrite", qkv, options, seqLen);
  const capacity = expectCache("cacheWrite", { k, v }, options, { batch, seqLen, position });
  const n = batch * seqLen * nKvHead * dHead;
  r.dispatch(cacheWriteKernel, {
    bind: { qkv, k, v },
    uniforms: { n, n_head: nHead, n_kv_head: nKvHead, d_head: dHead, seq_len: seqLen, position, capacity },
    grid: fold(Math.ceil(n / 64)),
  });
}

/** Twin of `cacheWrite`: writes into `k` and `v`, both flat [B, nKvHead, capacity, dHead]. */
export function cacheWriteTwin(
  qkv: ArrayLike<number>,
  k: Float32Array | Float64Array,
  v: Float32Array | Float64Array,
  { nHead, nKvHead, dHead, seqLen, position, capacity }: CacheWriteOptions & { readonly position: number; readonly capacity: number },
): void {
  const width = fusedWidth({ nHead, nKvHead, dHead });
  for (let row = 0; row < qkv.length / width; row++) {
    const [b, t] = [Math.floor(row / seqLen), row % seqLen];
    for (let h = 0; h < nKvHead; h++) {
      for (let c = 0; c < dHead; c++) {
        const at = ((b * nKvHead + h) * capacity + position + t) * dHead + c;
        k[at] = qkv[row * width + (nHead + h) * dHead + c]!;
        v[at] = qkv[row * width + (nHead + nKvHead + h) * dHead + c]!;
      }
    }
  }
}
