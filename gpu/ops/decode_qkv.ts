import { LabError } from "../../lib/errors.ts";
import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, shapeText, type Tensor } from "../tensor.ts";
import { expectNormedProduct, isAligned, productTwin, rowLaunch, rowPermutations } from "./decode_rows.ts";
import { rmsNormTwin } from "./rms_norm.ts";

const declaration = {
  bindings: {
    x: "read",
    norm_weight: "read",
    w: "read",
    bias: "read",
    rope: "read",
    q: "read_write",
    k: "read_write",
    v: "read_write",
  },
  uniforms: {
    n_batch: "u32",
    d_in: "u32",
    n_head: "u32",
    n_kv_head: "u32",
    d_head: "u32",
    n_slots: "u32",
    position: "u32",
    slot: "u32",
    eps: "f32",
  },
  elem: "w",
  permutations: [...rowPermutations, { WG_SIZE: 8, LANES: 1, HAS_BIAS: 1 }, { HAS_BIAS: 1 }],
} as const;
export const decodeQkvKernel = defineKernel({ name: "decode_qkv", ...declaration });
export const decodeQkvUnalignedKernel = defineKernel({ name: "decode_qkv_unaligned", ...declaration });

export interface DecodeQkvOptions {
  readonly nHead: number;
  /** Divides `nHead`. */
  readonly nKvHead: number;
  /** Even. */
  readonly dHead: number;
  readonly eps: number;
  /** Row of the RoPE table, the same for the whole batch. */
  readonly position: number | Dynamic;
  /** Cache row to write; `position` unless given. One past the cache is not written. */
  readonly slot?: number | Dynamic;
  /** [(nHead + 2 nKvHead)·dHead] f32, added before RoPE. */
  readonly bias?: Tensor;
}

/**
 * Norm, q/k/v products, RoPE and cache write of one position, for a few rows. Returns q and writes row `slot`
 * of the caches k and v, in place.
 * x: [B, d_model] f32; normWeight: [d_model] f32; wqkv: [(H+2K)·D, d_model] f32 or f16, rows of query heads, key
 * heads, value heads; ropeTable: [n_positions, D/2, 2] f32 of (cos, sin); k, v: [B, K, S, D] f32; result:
 * [B, H·D] f32. RoPE turns the pairs (i, i + D/2) of query and key heads. No gradient: decoding never trains.
 * Throws `shape`; `bad-param` for a fixed position outside the table or slot outside the cache.
 * Source: Su et al. 2021 (arXiv 2104.09864), eq. 34, in the half-rotation layout of Hugging Face.
 */
export function decodeQkv(
  r: Recorder,
  x: Tensor,
  normWeight: Tensor,
  wqkv: Tensor,
  ropeTable: Tensor,
  k: Tensor,
  v: Tensor,
  options: DecodeQkvOptions,
): Tensor {
  const { nHead, nKvHead, dHead, eps, position, slot = position, bias } = options;
  const [nBatch, dIn, nRows] = [x.nRows, x.width, (nHead + 2 * nKvHead) * dHead];
  const [nSlots, nPositions] = [k.shape[2] ?? 0, ropeTable.shape[0] ?? 0];
  expectNormedProduct("decodeQkv", x, normWeight, wqkv, "wqkv");
  expectHeads("decodeQkv", nHead, nKvHead);
  if (dHead % 2 !== 0) throw new LabError("shape", `decodeQkv: dHead is ${dHead}, RoPE needs it even`);
  expectShape("decodeQkv", "wqkv", wqkv, [nRows, dIn]);
  expectDType("decodeQkv", "ropeTable", ropeTable, "f32");
  expectShape("decodeQkv", "ropeTable", ropeTable, [nPositions, dHead / 2, 2]);
  for (const [name, cache] of [["k", k], ["v", v]] as const) {
    expectDType("decodeQkv", name, cache, "f32");
    expectShape("decodeQkv", name, cache, [nBatch, nKvHead, nSlots, dHead]);
  }
  if (bias !== undefined) {
    expectDType("decodeQkv", "bias", bias, "f32");
    expectShape("decodeQkv", "bias", bias, [nRows]);
  }
  expectWithin("position", position, nPositions, `ropeTable ${shapeText(ropeTable)}`);
  expectWithin("slot", slot, nSlots, `k ${shapeText(k)}`);
  const q = r.empty([nBatch, nHead * dHead], "f32", "decode_qkv.q");
  const { constants, grid } = rowLaunch(r, dIn, Math.ceil(nRows / 4), nBatch);
  r.dispatch(isAligned(dIn) ? decodeQkvKernel : decodeQkvUnalignedKernel, {
    bind: { x, norm_weight: normWeight, w: wqkv, bias: bias ?? normWeight, rope: ropeTable, q, k, v },
    uniforms: {
      n_batch: nBatch,
      d_in: dIn,
      n_head: nHead,
      n_kv_head: nKvHead,
      d_head: dHead,
      n_slots: nSlots,
      position,
      slot,
      eps,
    },
    constants: bias === undefined ? constants : { ...constants, HAS_BIAS: 1 },
    grid,
  });
  return q;
}

/** Guard: throws `shape` unless every kv head serves the same number of query heads. */
export function expectHeads(op: string, nHead: number, nKvHead: number): void {
  if (nHead < 1 || nKvHead < 1 || nHead % nKvHead !== 0) {
    throw new LabError("shape", `${op}: ${nHead} heads cannot share ${nKvHead} kv heads evenly`);
  }
}

function expectWithin(name: string, value: number | Dynamic, end: number, of: string): void {
  if (typeof value === "number" && !(Number.isInteger(value) && value >= 0 && value < end)) {
    throw new LabError("bad-param", `decodeQkv: ${name} is ${value}, ${of} has rows 0 to ${end - 1}`);
  }
}

/** Float64 twin of `decodeQkv`: q, and k and v written in place. `position` and `slot` are numbers here. */
export function decodeQkvTwin(
  x: ArrayLike<number>,
  normWeight: ArrayLike<number>,
  wqkv: ArrayLike<number>,
  ropeTable: ArrayLike<number>,
  k: Float64Array,
  v: Float64Array,
  options: { nHead: number; nKvHead: number; dHead: number; eps: number; position: number; slot?: number; bias?: ArrayLike<number> },
): Float64Array {
  const { nHead, nKvHead, dHead, eps, position, slot = position, bias } = options;
  const dIn = normWeight.length;
  const [nBatch, nHeads, half] = [x.length / dIn, nHead + 2 * nKvHead, dHead / 2];
  const nSlots = k.length / (nBatch * nKvHead * dHead);
  const z = productTwin(rmsNormTwin(x, normWeight, eps), wqkv, dIn);
  const q = new Float64Array(nBatch * nHead * dHead);
  for (let b = 0; b < nBatch; b++) {
    for (let head = 0; head < nHeads; head++) {
      const row = Array.from({ length: dHead }, (_, i) => z[(b * nHeads + head) * dHead + i]! + (bias?.[head * dHead + i] ?? 0));
      const isValue = head >= nHead + nKvHead;
      const turned = row.map((value, i) => {
        if (isValue) return value;
        const at = (position * half + (i % half)) * 2;
        const other = i < half ? -row[i + half]! : row[i - half]!;
        return value * ropeTable[at]! + other * ropeTable[at + 1]!;
      });
      if (head < nHead) q.set(turned, (b * nHead + head) * dHead);
      else {
        const kvHead = isValue ? head - nHead - nKvHead : head - nHead;
        (isValue ? v : k).set(turned, ((b * nKvHead + kvHead) * nSlots + slot) * dHead);
      }
    }
  }
  return q;
}
