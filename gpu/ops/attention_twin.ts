import { fusedWidth, type Heads, kvHeadOf } from "./attention_layout.ts";

/** Sizes of a fused self-attention, as `attention` takes them. */
export interface TwinShape extends Heads {
  readonly batch: number;
  readonly seqLen: number;
  /** 1 / sqrt(dHead) when left out. */
  readonly scale?: number;
}

/** Keys and values seen by position, either from the fused rows or from a cache. */
export interface KeysAndValues {
  /** Element `c` of key `j` of kv head `kv` in sequence `b`. */
  key(b: number, kv: number, j: number, c: number): number;
  value(b: number, kv: number, j: number, c: number): number;
}

export interface AttentionResult {
  /** [B·T, H·D] */
  readonly out: Float64Array;
  /** log Σ_j exp(score), [B, H, T] */
  readonly lse: Float64Array;
  /** Probabilities [B, H, T, position + T], zero above the diagonal. */
  readonly pattern: Float64Array;
  /** Scaled scores [B, H, T, position + T], −1e30 above the diagonal. */
  readonly scores: Float64Array;
}

/** Keys and values in fused rows [B·T, (H + 2K)·D]. */
export function fusedKeysAndValues(qkv: ArrayLike<number>, shape: TwinShape): KeysAndValues {
  const { nHead, nKvHead, dHead, seqLen } = shape;
  const at = (b: number, head: number, j: number, c: number) =>
    qkv[(b * seqLen + j) * fusedWidth(shape) + head * dHead + c]!;
  return {
    key: (b, kv, j, c) => at(b, nHead + kv, j, c),
    value: (b, kv, j, c) => at(b, nHead + nKvHead + kv, j, c),
  };
}

/** Keys and values in caches [B, K, S, D]. */
export function cachedKeysAndValues(
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  { nKvHead, dHead }: Heads,
  capacity: number,
): KeysAndValues {
  const at = (b: number, kv: number, j: number) => ((b * nKvHead + kv) * capacity + j) * dHead;
  return { key: (b, kv, j, c) => k[at(b, kv, j) + c]!, value: (b, kv, j, c) => v[at(b, kv, j) + c]! };
}

/**
 * Float64 twin of `attention` (position 0) and of `attentionFromCache`, by the definition: all scores of a row,
 * softmax with the maximum subtracted, weighted sum of values. Query t sees keys 0 … position + t.
 */
export function attentionTwin(
  qkv: ArrayLike<number>,
  shape: TwinShape,
  seen: KeysAndValues = fusedKeysAndValues(qkv, shape),
  position = 0,
): AttentionResult {
  const { nHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = shape;
  const width = fusedWidth(shape);
  const nKeys = position + seqLen;
  const out = new Float64Array(batch * seqLen * nHead * dHead);
  const lse = new Float64Array(batch * nHead * seqLen);
  const pattern = new Float64Array(lse.length * nKeys);
  const scores = new Float64Array(lse.length * nKeys).fill(-1e30);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < nHead; h++) {
      const kv = kvHeadOf(shape, h);
      for (let t = 0; t < seqLen; t++) {
        const row = (b * nHead + h) * seqLen + t;
        const q = (b * seqLen + t) * width + h * dHead;
        let top = -Infinity;
        for (let j = 0; j <= position + t; j++) {
          let sum = 0;
          for (let c = 0; c < dHead; c++) sum += qkv[q + c]! * seen.key(b, kv, j, c);
          scores[row * nKeys + j] = sum * scale;
          top = Math.max(top, sum * scale);
        }
        let total = 0;
        for (let j = 0; j <= position + t; j++) total += Math.exp(scores[row * nKeys + j]! - top);
        lse[row] = top + Math.log(total);
        for (let j = 0; j <= position + t; j++) {
          const p = Math.exp(scores[row * nKeys + j]! - top) / total;
          pattern[row * nKeys + j] = p;
          for (let c = 0; c < dHead; c++) {
            out[((b * seqLen + t) * nHead + h) * dHead + c]! += p * seen.value(b, kv, j, c);
          }
        }
      }
    }
  }
  return { out, lse, pattern, scores };
}

/** What the backward pass of one attention computes. */
export interface AttentionGradients {
  /** Gradient of the fused rows, [B·T, (H + 2K)·D]. */
  readonly dqkv: Float64Array;
  /** Σ_c dO·O per row, [B, H, T]. */
  readonly delta: Float64Array;
  /** Gradient of the scaled scores, [B, H, T, T]. */
  readonly dScores: Float64Array;
}

/** Float64 twin of the gradient of `attention`, from the gradient `dOut` [B·T, H·D] of its output. */
export function attentionBackwardTwin(
  qkv: ArrayLike<number>,
  dOut: ArrayLike<number>,
  shape: TwinShape,
): AttentionGradients {
  const { nHead, nKvHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = shape;
  const width = fusedWidth(shape);
  const { out, pattern } = attentionTwin(qkv, shape);
  const dqkv = new Float64Array(batch * seqLen * width);
  const delta = new Float64Array(batch * nHead * seqLen);
  const dScores = new Float64Array(pattern.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < nHead; h++) {
      const kv = kvHeadOf(shape, h);
      for (let t = 0; t < seqLen; t++) {
        const row = (b * nHead + h) * seqLen + t;
        const o = ((b * seqLen + t) * nHead + h) * dHead;
        const q = (b * seqLen + t) * width + h * dHead;
        for (let c = 0; c < dHead; c++) delta[row]! += dOut[o + c]! * out[o + c]!;
        for (let j = 0; j <= t; j++) {
          const k = (b * seqLen + j) * width + (nHead + kv) * dHead;
          const v = k + nKvHead * dHead;
          const p = pattern[row * seqLen + j]!;
          let dp = 0;
          for (let c = 0; c < dHead; c++) dp += dOut[o + c]! * qkv[v + c]!;
          const ds = p * (dp - delta[row]!);
          dScores[row * seqLen + j] = ds;
          for (let c = 0; c < dHead; c++) {
            dqkv[q + c]! += scale * ds * qkv[k + c]!;
            dqkv[k + c]! += scale * ds * qkv[q + c]!;
            dqkv[v + c]! += p * dOut[o + c]!;
          }
        }
      }
    }
  }
  return { dqkv, delta, dScores };
}
