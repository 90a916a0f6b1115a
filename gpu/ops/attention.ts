import { LabError } from "../../lib/errors.ts";
import { fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectShape, type Tensor } from "../tensor.ts";
import {
  attentionDkvKernel,
  attentionDqKernel,
  attentionKernel,
  type AttentionKernels,
  attentionKernelsFor,
  attentionRowsDkvKernel,
  attentionRowsDqKernel,
  attentionRowsKernel,
} from "./attention_kernels.ts";
import { expectCache, expectFused, fusedWidth, type Heads } from "./attention_layout.ts";

/** Queries (or keys) of one workgroup of the kernels over tiles, of one invocation of those over rows. */
const tile = 32;
const nRowsAtOnce = 4;
/** Workgroup size of the kernels over rows. */
const rowsGroup = 8;

export interface AttentionOptions extends Heads {
  readonly batch: number;
  /** T: new tokens of each sequence. */
  readonly seqLen: number;
  /** Factor on q·k; 1 / sqrt(dHead) when left out. */
  readonly scale?: number;
  /** Left out: the set that suits the adapter. */
  readonly kernels?: AttentionKernels;
}

export interface CacheAttentionOptions extends AttentionOptions {
  /** Position of the first query; a Dynamic one must stay below S − seqLen + 1. */
  readonly position: number | Dynamic;
}

/**
 * Causal grouped-query attention over the fused rows themselves:
 * o[b·T+t, h] = Σ_{j ≤ t} softmax_j(scale·q[t,h]·k[j,κ])·v[j,κ], κ = floor(h / (nHead / nKvHead)).
 * qkv: [B·T, (nHead + 2·nKvHead)·dHead], result: [B·T, nHead·dHead], f32. No T×T storage. Gradient of qkv, by
 * recomputation, as one tensor of its layout; the same bits at every run.
 * Throws `shape`, and `unsupported` where dHead is no multiple of 4 or above 128.
 * Source: Dao 2023 (arXiv 2307.08691).
 *
 * Variants plug in at one line of each of the kernels, where a block of scores is scaled and masked: a
 * soft-cap there (with its derivative beside dS), a window or another mask as the condition `j <= position + t`
 * (and as bounds of the loop over blocks), a bias as one more term. Whoever needs it only forward edits the
 * scores of `attentionScores` and goes on with `patternFromScores` and `attentionFromPattern`.
 */
export function attention(r: Recorder, qkv: Tensor, options: AttentionOptions): Tensor {
  const { nHead, nKvHead, dHead, seqLen } = options;
  expectBatch("attention", qkv, options);
  const d4 = expectHeadWidth("attention", dHead);
  const stride = fusedWidth(options) / 4;
  const { out, lse } = forward(r, { q: qkv, k: qkv, v: qkv }, { ...options, position: 0 }, {
    kv_batch: seqLen * stride,
    kv_head: d4,
    kv_row: stride,
    k_first: nHead * d4,
    v_first: (nHead + nKvHead) * d4,
  });
  r.onBackward(out, [qkv], (dOut) => [backward(r, { qkv, out, lse, dOut }, options)]);
  return out;
}

/**
 * The attention of T new queries at positions position … position + T − 1 over cache rows 0 … position + t,
 * which must hold the new keys and values already (`cacheWrite`). The same kernel as `attention`, so both give
 * the same bits for the same row.
 * qkv: [B·T, (nHead + 2·nKvHead)·dHead] (only q is read); k, v: [B, nKvHead, S, dHead];
 * result: [B·T, nHead·dHead]; f32. No gradient. Throws `shape` and `unsupported` as `attention`.
 */
export function attentionFromCache(r: Recorder, qkv: Tensor, k: Tensor, v: Tensor, options: CacheAttentionOptions): Tensor {
  const { nKvHead, dHead } = options;
  expectBatch("attentionFromCache", qkv, options);
  const d4 = expectHeadWidth("attentionFromCache", dHead);
  const capacity = expectCache("attentionFromCache", { k, v }, options, options);
  return forward(r, { q: qkv, k, v }, options, {
    kv_batch: nKvHead * capacity * d4,
    kv_head: capacity * d4,
    kv_row: d4,
    k_first: 0,
    v_first: 0,
  }).out;
}

/** Where keys and values lie, in vec4f: steps from one sequence, kv head and key to the next, and the first element. */
interface KeyLayout {
  readonly kv_batch: number;
  readonly kv_head: number;
  readonly kv_row: number;
  readonly k_first: number;
  readonly v_first: number;
}

function forward(
  r: Recorder,
  inputs: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor },
  options: CacheAttentionOptions,
  layout: KeyLayout,
): { out: Tensor; lse: Tensor } {
  const { nHead, nKvHead, dHead, batch, seqLen, position, scale = 1 / Math.sqrt(dHead) } = options;
  const out = r.empty([batch * seqLen, nHead * dHead], "f32", "attention");
  const lse = r.empty([batch, nHead, seqLen], "f32", "attention.lse");
  const bind = { ...inputs, o: out, lse };
  const uniforms = {
    seq_len: seqLen,
    position,
    n_head: nHead,
    n_group: nHead / nKvHead,
    q_stride: fusedWidth(options) / 4,
    ...layout,
    scale,
  };
  if (kernelsOf(r, options) === "tiles") {
    const grid = [Math.ceil(seqLen / tile), nHead, batch] as const;
    r.dispatch(attentionKernel, { bind, uniforms, constants: { D4: dHead / 4 }, grid });
  } else {
    const grid = rowsGrid(options, nHead);
    r.dispatch(attentionRowsKernel, { bind, uniforms: { ...uniforms, n_batch: batch, d4: dHead / 4 }, grid });
  }
  return { out, lse };
}

function backward(
  r: Recorder,
  { qkv, out, lse, dOut }: { readonly qkv: Tensor; readonly out: Tensor; readonly lse: Tensor; readonly dOut: Tensor },
  options: AttentionOptions,
): Tensor {
  const { nHead, nKvHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = options;
  const delta = r.empty(lse.shape, "f32", "attention.delta");
  const dqkv = r.empty(qkv.shape, "f32", "attention.dqkv");
  const uniforms = { seq_len: seqLen, n_head: nHead, n_kv_head: nKvHead, scale };
  const toQueries = { qkv, o: out, d_o: dOut, lse, delta, dqkv };
  const toKeys = { qkv, d_o: dOut, lse, delta, dqkv };
  if (kernelsOf(r, options) === "tiles") {
    const constants = { D4: dHead / 4 };
    const nTiles = Math.ceil(seqLen / tile);
    r.dispatch(attentionDqKernel, { bind: toQueries, uniforms, constants, grid: [nTiles, nHead, batch] });
    r.dispatch(attentionDkvKernel, { bind: toKeys, uniforms, constants, grid: [nTiles, nKvHead, batch] });
  } else {
    const all = { ...uniforms, n_batch: batch, d4: dHead / 4 };
    r.dispatch(attentionRowsDqKernel, { bind: toQueries, uniforms: all, grid: rowsGrid(options, nHead) });
    r.dispatch(attentionRowsDkvKernel, { bind: toKeys, uniforms: all, grid: rowsGrid(options, nKvHead) });
  }
  return dqkv;
}

const kernelsOf = (r: Recorder, { kernels }: AttentionOptions): AttentionKernels =>
  kernels ?? attentionKernelsFor(r.gpu.adapter);

const rowsGrid = ({ batch, seqLen }: AttentionOptions, heads: number): readonly [number, number] =>
  fold(Math.ceil((batch * heads * Math.ceil(seqLen / nRowsAtOnce)) / rowsGroup));

/** Guard: `qkv` is `batch` sequences of `seqLen` fused rows. Throws `shape`. */
export function expectBatch(op: string, qkv: Tensor, options: AttentionOptions): void {
  expectFused(op, qkv, options, options.seqLen);
  expectShape(op, "qkv", qkv, [options.batch * options.seqLen, fusedWidth(options)]);
}

/** dHead / 4; throws `unsupported` unless that is a whole number from 1 to 32. */
function expectHeadWidth(op: string, dHead: number): number {
  if (dHead % 4 !== 0 || dHead > 128) {
    throw new LabError("unsupported", `${op}: heads are ${dHead} wide; widths up to 128 that are multiples of 4 are supported`);
  }
  return dHead / 4;
}
