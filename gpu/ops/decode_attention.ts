import { LabError } from "../../lib/errors.ts";
import { attentionTuning } from "../decode_tuning.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, shapeText, type Tensor } from "../tensor.ts";
import { expectHeads } from "./decode_qkv.ts";

const uniforms = {
  n_batch: "u32",
  n_head: "u32",
  n_kv_head: "u32",
  d_head: "u32",
  n_slots: "u32",
  count: "u32",
  extra: "u32",
  scale: "f32",
} as const;
const declaration = {
  bindings: { q: "read", k: "read", v: "read", y: "read_write" },
  uniforms,
  permutations: [
    { WG_SIZE: 8, CHUNK: 128 },
    { WG_SIZE: 16, CHUNK: 128 },
    { WG_SIZE: 256, CHUNK: 512 },
  ],
} as const;
export const decodeAttentionKernel = defineKernel({ name: "decode_attention", ...declaration });
export const decodeAttentionUnalignedKernel = defineKernel({ name: "decode_attention_unaligned", ...declaration });
export const decodePatternKernel = defineKernel({
  name: "decode_pattern",
  bindings: { q: "read", k: "read", p: "read_write" },
  uniforms,
  permutations: [{ WG_SIZE: 8 }],
});

/** Largest `dHead`: one invocation for each four elements, 256 to a workgroup. */
const maxDHead = 1024;

interface DecodeHeads {
  readonly nHead: number;
  /** Divides `nHead`; query head h reads kv head floor(h / (nHead / nKvHead)). */
  readonly nKvHead: number;
  readonly dHead: number;
  /** Factor on the scores, 1/√dHead unless given. */
  readonly scale?: number;
}

/** Which cache rows a query sees: 0 to `position`, or the first `length` of them (at least 1). */
export type DecodeAttentionOptions = DecodeHeads &
  ({ readonly position: number | Dynamic } | { readonly length: number | Dynamic });

/**
 * Attention of one query per row over its KV cache: softmax_s(scale·q·k_s) weighted sum of v_s.
 * q: [B, H·D] f32; k, v: [B, K, S, D] f32; result: [B, H·D] f32. D at most 1,024. No gradient: decoding never
 * trains. Throws `shape`; `bad-param` for a fixed length outside 1…S.
 * Source: Milakov & Gimelshein 2018 (arXiv 1805.02867), alg. 3; grouped heads: Ainslie et al. 2023
 * (arXiv 2305.13245).
 */
export function decodeAttention(r: Recorder, q: Tensor, k: Tensor, v: Tensor, options: DecodeAttentionOptions): Tensor {
  const values = expectCache("decodeAttention", q, k, options);
  expectDType("decodeAttention", "v", v, "f32");
  expectShape("decodeAttention", "v", v, k.shape);
  const y = r.empty(q.shape, "f32", "decode_attention");
  r.dispatch(options.dHead % 4 === 0 ? decodeAttentionKernel : decodeAttentionUnalignedKernel, {
    bind: { q, k, v, y },
    uniforms: values,
    constants: { ...attentionTuning(r.gpu.adapter, options.dHead) },
    grid: fold(q.nRows * options.nHead),
  });
  return y;
}

/**
 * The weights `decodeAttention` gives to the cache rows; 0 past the visible ones.
 * q: [B, H·D] f32; k: [B, K, S, D] f32; result: [B, H, S] f32. Options and errors as `decodeAttention`.
 */
export function decodePattern(r: Recorder, q: Tensor, k: Tensor, options: DecodeAttentionOptions): Tensor {
  const values = expectCache("decodePattern", q, k, options);
  const p = r.empty([q.nRows, options.nHead, k.shape[2]!], "f32", "decode_pattern");
  r.dispatch(decodePatternKernel, {
    bind: { q, k, p },
    uniforms: values,
    constants: { WG_SIZE: r.gpu.adapter.isSoftware ? 8 : 128 },
    grid: fold(q.nRows * options.nHead),
  });
  return p;
}

function expectCache(op: string, q: Tensor, k: Tensor, options: DecodeAttentionOptions): Record<keyof typeof uniforms, number | Dynamic> {
  const { nHead, nKvHead, dHead, scale = 1 / Math.sqrt(dHead) } = options;
  const [nBatch, nSlots] = [q.nRows, k.shape[2] ?? 0];
  expectHeads(op, nHead, nKvHead);
  if (dHead > maxDHead) throw new LabError("shape", `${op}: dHead is ${dHead}, at most ${maxDHead} is supported`);
  expectDType(op, "q", q, "f32");
  expectShape(op, "q", q, [nBatch, nHead * dHead]);
  expectDType(op, "k", k, "f32");
  expectShape(op, "k", k, [nBatch, nKvHead, nSlots, dHead]);
  const [count, extra] = "length" in options ? [options.length, 0] : [options.position, 1];
  if (typeof count === "number" && !(Number.isInteger(count) && count + extra >= 1 && count + extra <= nSlots)) {
    throw new LabError("bad-param", `${op}: ${count + extra} visible positions, k ${shapeText(k)} has 1 to ${nSlots}`);
  }
  return { n_batch: nBatch, n_head: nHead, n_kv_head: nKvHead, d_head: dHead, n_slots: nSlots, count, extra, scale };
}

interface TwinHeads {
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dHead: number;
  readonly scale?: number;
  readonly length: number;
}

/** Float64 twin of `decodePattern`; `nSlots` = S. */
export function decodePatternTwin(q: ArrayLike<number>, k: ArrayLike<number>, nSlots: number, heads: TwinHeads): Float64Array {
  const { nHead, nKvHead, dHead, scale = 1 / Math.sqrt(dHead), length } = heads;
  const p = new Float64Array((q.length / dHead) * nSlots);
  for (let row = 0; row < q.length / dHead; row++) {
    const cache = cacheRow(row, nHead, nKvHead) * nSlots;
    const scores = Array.from({ length }, (_, s) => {
      let sum = 0;
      for (let d = 0; d < dHead; d++) sum += q[row * dHead + d]! * k[(cache + s) * dHead + d]!;
      return sum * scale;
    });
    const top = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - top));
    const total = weights.reduce((a, b) => a + b, 0);
    for (let s = 0; s < length; s++) p[row * nSlots + s] = weights[s]! / total;
  }
  return p;
}

/** Float64 twin of `decodeAttention`; `nSlots` = S. */
export function decodeAttentionTwin(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  nSlots: number,
  heads: TwinHeads,
): Float64Array {
  const { nHead, nKvHead, dHead, length } = heads;
  const p = decodePatternTwin(q, k, nSlots, heads);
  const y = new Float64Array(q.length);
  for (let row = 0; row < q.length / dHead; row++) {
    const cache = cacheRow(row, nHead, nKvHead) * nSlots;
    for (let d = 0; d < dHead; d++) {
      for (let s = 0; s < length; s++) y[row * dHead + d]! += p[row * nSlots + s]! * v[(cache + s) * dHead + d]!;
    }
  }
  return y;
}

/** Row of [B·K] that query row `row` of [B·H] reads. */
const cacheRow = (row: number, nHead: number, nKvHead: number): number =>
  Math.floor(row / nHead) * nKvHead + Math.floor((row % nHead) / (nHead / nKvHead));
