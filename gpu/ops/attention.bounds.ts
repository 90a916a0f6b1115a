/**
 * How far f32 attention may be from its float64 twin. First-order error analysis with the rules of
 * `lib/testing/close.ts`; u = 2⁻²³, γ_k = gamma(k), n the number of keys a row sees.
 *
 * A score s_j is a D-term sum times a rounded scale: |δs_j| ≤ e_j = γ_{D+2}·scale·Σ_c|q_c k_jc|.
 * Its weight in the online softmax is exp(s_j − m) times a factor exp(m − m') for each of at most n/8 + 1 later
 * blocks. The maxima rise, so that all exponents together come to X_j = max s − s_j. With 3 + 2|x| ULP and the
 * rounding of x for each exp, and two roundings a block, the weight's relative error is
 *   η_j ≤ e_j + u·(3 + 3 X_j + 6·(n/8 + 1)).
 * Errors of the maximum itself are common to a row and cancel. o = Σ w v / Σ w then errs by at most
 *   Σ_j p_j η_j (|v_j| + |o|) + 2 γ_{n+n/8+3}·Σ_j p_j|v_j| + 3u|o|,
 * and log Σ exp s by Σ_j p_j η_j + γ_{n+n/8+3}, the built-in log, and the rounding of the last addition.
 * Backward, p is exp(s − lse): η'_j ≤ e_j + |δlse| + u·(3 + 3|s_j − lse|). dP and delta are D-term sums, delta with
 * the error of o; dS, dq, dk and dv follow by the product rule and sums of as many terms as there are pairs.
 * What first order leaves out is covered by the factor `rest`; it throws where errors are too large for that.
 */
import { builtin, gamma, sumBound, TINY, U } from "../../lib/testing/close.ts";
import { fusedWidth, kvHeadOf } from "./attention_layout.ts";
import { attentionFromPatternTwin } from "./attention_pattern.ts";
import { attentionTwin, fusedKeysAndValues, type KeysAndValues, type TwinShape } from "./attention_twin.ts";
import { type RopeOptions, ropeTwin } from "./rope.ts";

export interface AttentionBounds {
  /** Of the output [B·T, H·D]. */
  readonly out: Float64Array;
  /** Of log Σ exp(score), [B, H, T]. */
  readonly lse: Float64Array;
  /** Of the scaled scores, [B, H, T, position + T]; zero above the diagonal. */
  readonly scores: Float64Array;
  /** Of the probabilities, [B, H, T, position + T]; zero above the diagonal. */
  readonly pattern: Float64Array;
}

/** Additions of a row's sum: its terms, and one rescaling for each block of 8 keys. */
const nSteps = (nKeys: number): number => nKeys + Math.ceil(nKeys / 8) + 3;

/** Bounds of the forward pass, for the arguments of `attentionTwin`. */
export function attentionBounds(
  qkv: ArrayLike<number>,
  shape: TwinShape,
  seen: KeysAndValues = fusedKeysAndValues(qkv, shape),
  position = 0,
): AttentionBounds {
  const { nHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = shape;
  const width = fusedWidth(shape);
  const twin = attentionTwin(qkv, shape, seen, position);
  const nKeys = position + seqLen;
  const [out, lse] = [new Float64Array(twin.out.length), new Float64Array(twin.lse.length)];
  const [scores, pattern] = [new Float64Array(twin.scores.length), new Float64Array(twin.scores.length)];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < nHead; h++) {
      const kv = kvHeadOf(shape, h);
      for (let t = 0; t < seqLen; t++) {
        const row = (b * nHead + h) * seqLen + t;
        const n = position + t + 1;
        const q = (b * seqLen + t) * width + h * dHead;
        const s = twin.scores.subarray(row * nKeys, row * nKeys + n);
        const p = twin.pattern.subarray(row * nKeys, row * nKeys + n);
        const top = s.reduce((a, x) => Math.max(a, x));
        const eta = new Float64Array(n);
        let mean = 0;
        for (let j = 0; j < n; j++) {
          let terms = 0;
          for (let c = 0; c < dHead; c++) terms += Math.abs(qkv[q + c]! * seen.key(b, kv, j, c));
          const e = gamma(dHead + 2) * Math.abs(scale) * terms + TINY * dHead;
          scores[row * nKeys + j] = e;
          eta[j] = e + U * (3 + 3 * (top - s[j]!) + 6 * (n / 8 + 1));
          mean += p[j]! * eta[j]!;
        }
        const extra = rest(eta.reduce((a, x) => Math.max(a, x)));
        const sum = gamma(nSteps(n));
        const total = Math.exp(twin.lse[row]! - top);
        lse[row] = extra * (mean + sum + builtin.log(total, Math.log(total)) + 2 * U * (Math.abs(top) + Math.abs(twin.lse[row]!)));
        for (let j = 0; j < n; j++) pattern[row * nKeys + j] = extra * p[j]! * (eta[j]! + mean + sum + 3 * U) + TINY;
        for (let c = 0; c < dHead; c++) {
          const at = ((b * seqLen + t) * nHead + h) * dHead + c;
          const o = Math.abs(twin.out[at]!);
          let bound = 3 * U * o;
          for (let j = 0; j < n; j++) {
            const v = Math.abs(seen.value(b, kv, j, c));
            bound += p[j]! * (eta[j]! * (v + o) + 2 * sum * v) + TINY * (v + 1);
          }
          out[at] = extra * bound;
        }
      }
    }
  }
  return { out, lse, scores, pattern };
}

/** Bounds of the gradient [B·T, (H + 2K)·D] of the fused rows, for the arguments of `attentionBackwardTwin`. */
export function attentionGradientBounds(qkv: ArrayLike<number>, dOut: ArrayLike<number>, shape: TwinShape): Float64Array {
  const { nHead, nKvHead, dHead, batch, seqLen, scale = 1 / Math.sqrt(dHead) } = shape;
  const width = fusedWidth(shape);
  const twin = attentionTwin(qkv, shape);
  const forward = attentionBounds(qkv, shape);
  const nTerms = (seqLen * nHead) / nKvHead;
  const sum = gamma(nSteps(nTerms) + 3);
  const bounds = new Float64Array(qkv.length).fill(TINY * nTerms);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < nHead; h++) {
      const kv = kvHeadOf(shape, h);
      for (let t = 0; t < seqLen; t++) {
        const row = (b * nHead + h) * seqLen + t;
        const o = ((b * seqLen + t) * nHead + h) * dHead;
        const q = (b * seqLen + t) * width + h * dHead;
        let [delta, deltaTerms, deltaError] = [0, 0, 0];
        for (let c = 0; c < dHead; c++) {
          delta += dOut[o + c]! * twin.out[o + c]!;
          deltaTerms += Math.abs(dOut[o + c]! * twin.out[o + c]!);
          deltaError += Math.abs(dOut[o + c]!) * forward.out[o + c]!;
        }
        deltaError += gamma(dHead + 8) * deltaTerms + TINY * dHead;
        for (let j = 0; j <= t; j++) {
          const k = (b * seqLen + j) * width + (nHead + kv) * dHead;
          const v = k + nKvHead * dHead;
          const pair = row * seqLen + j;
          const p = twin.pattern[pair]!;
          const distance = Math.abs(twin.scores[pair]! - twin.lse[row]!);
          const eta = forward.scores[pair]! + forward.lse[row]! + U * (3 + 3 * distance);
          const extra = rest(eta);
          let [dp, dpTerms] = [0, 0];
          for (let c = 0; c < dHead; c++) {
            dp += dOut[o + c]! * qkv[v + c]!;
            dpTerms += Math.abs(dOut[o + c]! * qkv[v + c]!);
          }
          const size = p * Math.abs(dp - delta);
          const error = extra * (p * (gamma(dHead) * dpTerms + deltaError + U * Math.abs(dp - delta)) + size * (eta + 3 * U)) + TINY;
          const ds = Math.abs(scale) * (error + extra * sum * size);
          for (let c = 0; c < dHead; c++) {
            bounds[q + c]! += ds * Math.abs(qkv[k + c]!);
            bounds[k + c]! += ds * Math.abs(qkv[q + c]!);
            bounds[v + c]! += (extra * p * (eta + sum) + TINY) * Math.abs(dOut[o + c]!);
          }
        }
      }
    }
  }
  return bounds;
}

/** Σ_j p_j v_j with the p of a given pattern [B, H, T, T], per output element [B·T, H·D]. */
export function weightedSumBounds(pattern: ArrayLike<number>, qkv: ArrayLike<number>, shape: TwinShape): Float64Array {
  const terms = attentionFromPatternTwin(Float64Array.from(pattern, Math.abs), Float64Array.from(qkv, Math.abs), shape);
  return terms.map((sum) => sumBound(shape.seqLen, sum));
}

/** A row of quotients e_j / Σ e of n terms: the sum's roundings, and 2.5 ULP for each division. */
export const rowSumBound = (n: number): number => gamma(n + 3) + n * TINY;

/** −Σ p log p of one row: per term the built-in log, a product and the additions. */
export function entropyBound(row: ArrayLike<number>): number {
  let [bound, terms] = [0, 0];
  for (let j = 0; j < row.length; j++) {
    const p = row[j]!;
    if (!(p > 0)) continue;
    bound += p * builtin.log(p, Math.log(p));
    terms -= p * Math.log(p);
  }
  return bound + sumBound(row.length + 1, terms);
}

/** One rotated element: two products, a sum, and the rounding of cos and sin where the expectation has them exact. */
export const ropeBound = (sumAbsTerms: number): number => gamma(3) * sumAbsTerms + 2 * TINY;

/** Of every element of `ropeTwin`'s result: zero where it is copied. */
export function ropeBounds(
  x: ArrayLike<number>,
  table: ArrayLike<number>,
  nHalf: number,
  options: RopeOptions & { readonly position: number },
): Float64Array {
  const { nHead, nKvHead, dHead } = options;
  const [abs, absTable] = [Float64Array.from(x, Math.abs), Float64Array.from(table, Math.abs)];
  // With all terms positive, the second of a pair is their sum for sign 1, the first for sign −1.
  const [seconds, firsts] = [ropeTwin(abs, absTable, nHalf, options), ropeTwin(abs, absTable, nHalf, options, -1)];
  return seconds.map((second, i) => {
    const c = (i % fusedWidth(options)) % dHead;
    const isRotated = i % fusedWidth(options) < (nHead + nKvHead) * dHead && c < 2 * nHalf;
    return isRotated ? ropeBound(c < nHalf ? firsts[i]! : second) : 0;
  });
}

/** Σ_c |terms| of a D-wide dot product after both factors were rotated (two roundings each) by rounded tables. */
export const rotatedDotBound = (dHead: number, normQ: number, normK: number): number =>
  (gamma(dHead) + 2 * (gamma(2) + 2 * U)) * 2 * normQ * normK;

/** 1/(1 − 4η): covers the second order of relative errors up to η. Throws above 1/16, where it would not. */
function rest(eta: number): number {
  if (!(eta <= 1 / 16)) throw new Error(`attention bounds: relative errors of ${eta} are too large for a first-order bound`);
  return 1 / (1 - 4 * eta);
}
