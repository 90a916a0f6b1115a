/** Attention spelt out, for when somebody looks at the pattern or puts another in its place. No gradients. */
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import { expectFused, fusedWidth, type Heads, kvHeadOf } from "./attention_layout.ts";

export const attentionScoresKernel = defineKernel({
  name: "attention_scores",
  bindings: { qkv: "read", s: "read_write" },
  uniforms: { n: "u32", n_head: "u32", n_kv_head: "u32", d_head: "u32", seq_len: "u32", scale: "f32" },
});

export const causalSoftmaxKernel = defineKernel({
  name: "causal_softmax",
  bindings: { s: "read", p: "read_write" },
  uniforms: { n_rows: "u32", seq_len: "u32" },
});

export const attentionFromPatternKernel = defineKernel({
  name: "attention_from_pattern",
  bindings: { p: "read", qkv: "read", z: "read_write" },
  uniforms: { n: "u32", n_head: "u32", n_kv_head: "u32", d_head: "u32", seq_len: "u32" },
});

export const rowEntropyKernel = defineKernel({
  name: "row_entropy",
  bindings: { p: "read", e: "read_write" },
  uniforms: { n_rows: "u32", n_cols: "u32" },
});

export interface PatternOptions extends Heads {
  readonly batch: number;
  readonly seqLen: number;
  /** Multiplies the scores; 1/√dHead unless told. */
  readonly scale?: number;
}

/**
 * Scores before the softmax. qkv: [B·T, (H+2K)·D] fused rows, rotated → [B, H, T, T], −1e30 above the diagonal.
 * Throws `shape`.
 */
export function attentionScores(r: Recorder, qkv: Tensor, options: PatternOptions): Tensor {
  const { nHead, nKvHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = options;
  expectFused("attentionScores", qkv, options, seqLen);
  expectShape("attentionScores", "qkv", qkv, [batch * seqLen, fusedWidth(options)]);
  const s = r.empty([batch, nHead, seqLen, seqLen], "f32", "attention_scores");
  r.dispatch(attentionScoresKernel, {
    bind: { qkv, s },
    uniforms: { n: s.size, n_head: nHead, n_kv_head: nKvHead, d_head: dHead, seq_len: seqLen, scale },
    grid: fold(Math.ceil(s.size / 64)),
  });
  return s;
}

/** Scores [B, H, T, T] → probabilities over keys j ≤ i, zeros above the diagonal. Throws `shape`. */
export function patternFromScores(r: Recorder, scores: Tensor): Tensor {
  expectDType("patternFromScores", "scores", scores, "f32");
  const seqLen = scores.width;
  expectShape("patternFromScores", "scores", scores, [scores.shape[0] ?? 0, scores.shape[1] ?? 0, seqLen, seqLen]);
  const p = r.empty(scores.shape, "f32", "attention_pattern");
  r.dispatch(causalSoftmaxKernel, { bind: { s: scores, p }, uniforms: { n_rows: p.nRows, seq_len: seqLen }, grid: fold(p.nRows) });
  return p;
}

/** Attention probabilities of fused rows: [B, H, T, T]. Throws `shape`. */
export function attentionPattern(r: Recorder, qkv: Tensor, options: PatternOptions): Tensor {
  return patternFromScores(r, attentionScores(r, qkv, options));
}

/** Output [B·T, H·D] of attention with the given pattern [B, H, T, T] over the values of `qkv`. Throws `shape`. */
export function attentionFromPattern(r: Recorder, pattern: Tensor, qkv: Tensor, options: PatternOptions): Tensor {
  const { nHead, nKvHead, dHead, batch, seqLen } = options;
  expectFused("attentionFromPattern", qkv, options, seqLen);
  expectShape("attentionFromPattern", "pattern", pattern, [batch, nHead, seqLen, seqLen]);
  const z = r.empty([batch * seqLen, nHead * dHead], "f32", "attention_from_pattern");
  r.dispatch(attentionFromPatternKernel, {
    bind: { p: pattern, qkv, z },
    uniforms: { n: z.size, n_head: nHead, n_kv_head: nKvHead, d_head: dHead, seq_len: seqLen },
    grid: fold(Math.ceil(z.size / 64)),
  });
  return z;
}

/** Entropy of every attention row, nats: [..., T] → [...]. Throws `shape`. */
export function attentionEntropy(r: Recorder, pattern: Tensor): Tensor {
  expectDType("attentionEntropy", "pattern", pattern, "f32");
  const e = r.empty(pattern.shape.slice(0, -1), "f32", "attention_entropy");
  r.dispatch(rowEntropyKernel, {
    bind: { p: pattern, e },
    uniforms: { n_rows: pattern.nRows, n_cols: pattern.width },
    grid: fold(pattern.nRows),
  });
  return e;
}

/** Float64 twin of `attentionScores`. */
export function attentionScoresTwin(qkv: ArrayLike<number>, options: PatternOptions): Float64Array {
  const { nHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = options;
  const width = fusedWidth(options);
  const s = new Float64Array(batch * nHead * seqLen * seqLen).fill(-1e30);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < nHead; h++)
      for (let i = 0; i < seqLen; i++)
        for (let j = 0; j <= i; j++) {
          const q = (b * seqLen + i) * width + h * dHead;
          const k = (b * seqLen + j) * width + (nHead + kvHeadOf(options, h)) * dHead;
          let sum = 0;
          for (let d = 0; d < dHead; d++) sum += qkv[q + d]! * qkv[k + d]!;
          s[((b * nHead + h) * seqLen + i) * seqLen + j] = sum * scale;
        }
  return s;
}

/** Float64 twin of `patternFromScores`. */
export function causalSoftmaxTwin(scores: ArrayLike<number>, seqLen: number): Float64Array {
  const p = new Float64Array(scores.length);
  for (let row = 0; row < scores.length / seqLen; row++) {
    const [base, nKeys] = [row * seqLen, (row % seqLen) + 1];
    let max = -Infinity;
    let sum = 0;
    for (let j = 0; j < nKeys; j++) max = Math.max(max, scores[base + j]!);
    for (let j = 0; j < nKeys; j++) sum += Math.exp(scores[base + j]! - max);
    for (let j = 0; j < nKeys; j++) p[base + j] = Math.exp(scores[base + j]! - max) / sum;
  }
  return p;
}

/** Float64 twin of `attentionFromPattern`. */
export function attentionFromPatternTwin(p: ArrayLike<number>, qkv: ArrayLike<number>, options: PatternOptions): Float64Array {
  const { nHead, nKvHead, dHead, batch, seqLen } = options;
  const width = fusedWidth(options);
  const z = new Float64Array(batch * seqLen * nHead * dHead);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < nHead; h++)
      for (let i = 0; i < seqLen; i++)
        for (let j = 0; j <= i; j++) {
          const weight = p[((b * nHead + h) * seqLen + i) * seqLen + j]!;
          const v = (b * seqLen + j) * width + (nHead + nKvHead + kvHeadOf(options, h)) * dHead;
          for (let d = 0; d < dHead; d++) z[((b * seqLen + i) * nHead + h) * dHead + d]! += weight * qkv[v + d]!;
        }
  return z;
}

/** Float64 twin of `attentionEntropy`. */
export function rowEntropyTwin(p: ArrayLike<number>, nCols: number): Float64Array {
  const e = new Float64Array(p.length / nCols);
  for (let i = 0; i < p.length; i++) {
    if (p[i]! > 0) e[Math.floor(i / nCols)]! -= p[i]! * Math.log(p[i]!);
  }
  return e;
}
