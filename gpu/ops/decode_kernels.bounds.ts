/**
 * Rounding bounds of the decode kernels, element by element, from the magnitudes of the terms that were added.
 * u = 2⁻²³ per operation, γ_k for k roundings in a row (γ_a + γ_b + γ_a·γ_b ≤ γ_{a+b}), ULPs of the built-ins
 * as in lib/testing/close.ts. Each function says what its k counts.
 */
import { type Bound, f32Ulp, gamma, sumBound, TINY, U } from "../../lib/testing/close.ts";
import { decodeAttentionTwin, decodePatternTwin } from "./decode_attention.ts";
import { productTwin } from "./decode_rows.ts";
import { rmsNormTwin } from "./rms_norm.ts";

const magnitudes = (x: ArrayLike<number>): Float64Array => Float64Array.from(x, Math.abs);

/** residual + Σ_d x·w: d products, d additions (the last one of the residual). */
export function projectBound(x: ArrayLike<number>, w: ArrayLike<number>, residual: ArrayLike<number>, dIn: number): Bound {
  const terms = productTwin(magnitudes(x), magnitudes(w), dIn);
  return (i) => sumBound(dIn + 1, terms[i]! + Math.abs(residual[i]!));
}

/**
 * rstd·Σ_d w·(x·g), per product. Roundings in a row: each term two products, d − 1 additions: d + 1; the sum of
 * squares d, halved by the root; mean and eps 3.5 halved; inverseSqrt 2; the last product 1. Together at most
 * 2d + 6. Flushed terms (x·g or the product below 2⁻¹²⁶) add 2d·2⁻¹²⁶ times what they are multiplied with.
 */
export function normedProductBounds(x: ArrayLike<number>, normWeight: ArrayLike<number>, w: ArrayLike<number>, eps: number): Float64Array {
  const dIn = normWeight.length;
  const terms = productTwin(magnitudes(rmsNormTwin(x, normWeight, eps)), magnitudes(w), dIn);
  const largest = Math.max(1, maxOf(w)) / Math.sqrt(Math.max(eps, TINY));
  return terms.map((sum) => gamma(2 * dIn + 6) * sum + 2 * dIn * TINY * largest);
}

/** {@link normedProductBounds} as a Bound. */
export function headBound(x: ArrayLike<number>, normWeight: ArrayLike<number>, w: ArrayLike<number>, eps: number): Bound {
  const bounds = normedProductBounds(x, normWeight, w, eps);
  return (i) => bounds[i]!;
}

/**
 * silu(a)·b from a ± δa and b ± δb. |silu′| ≤ 1.1; silu itself costs exp (3 + 2|a| ULP), one addition, a division
 * (2.5 ULP) and a product, the last product one more: (9 + 2|a|)·u of the result.
 */
export function gateUpBound(z: ArrayLike<number>, dz: ArrayLike<number>, dMlp: number): Bound {
  return (i) => {
    const gate = Math.floor(i / dMlp) * 2 * dMlp + (i % dMlp);
    const [a, b, da, db] = [z[gate]!, z[gate + dMlp]!, dz[gate]!, dz[gate + dMlp]!];
    const silu = a / (1 + Math.exp(-a));
    const propagated = 1.1 * da * (Math.abs(b) + db) + Math.abs(silu) * db;
    return propagated + (9 + 2 * (Math.abs(a) + da)) * U * (Math.abs(silu) + 1.1 * da) * (Math.abs(b) + db) + 4 * TINY * (1 + Math.abs(b));
  };
}

/**
 * A row of q, k or v: bias added (one rounding), then for q and k z·c − z′·s: two products and a subtraction
 * (γ_2 of the magnitudes). `z`, `dz`: the products and their bounds [B, heads, D]; `turn` (cos, sin) of the row of
 * the RoPE table, or null for values. Returns the bound of element `i` of head row `row`.
 */
export function rotatedBound(
  z: ArrayLike<number>,
  dz: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  turn: ArrayLike<number> | null,
  dHead: number,
  nHeads: number,
): (row: number, i: number) => number {
  const biased = (row: number, i: number) => {
    const [at, b] = [row * dHead + i, bias?.[(row % nHeads) * dHead + i] ?? 0];
    const value = Math.abs(z[at]! + b);
    const rounding = bias === null ? 0 : U * (value + dz[at]!);
    return { size: value, error: dz[at]! + rounding };
  };
  return (row, i) => {
    const own = biased(row, i);
    if (turn === null) return own.error;
    const half = dHead / 2;
    const other = biased(row, (i + half) % dHead);
    const [c, s] = [Math.abs(turn[2 * (i % half)]!), Math.abs(turn[2 * (i % half) + 1]!)];
    return own.error * c + other.error * s + gamma(2) * ((own.size + own.error) * c + (other.size + other.error) * s) + 3 * TINY;
  };
}

interface Heads {
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dHead: number;
  readonly length: number;
}

/**
 * Relative error ε of each weight exp(score − top), [B, H, S], before normalisation.
 * A score: D products and additions and the scale, γ_{D+1}·scale·Σ|q·k|, acts on the exponent. Walking the cache
 * in chunks, a weight is exp(score − chunk top)·Π exp(top − new top): exponents of one sign that add up to
 * top − score = t, so subtractions cost u·t, the exponentials 2t + 3 ULP each plus one product for each chunk.
 * The top itself cancels between numerator and denominator.
 */
function weightErrors(q: ArrayLike<number>, k: ArrayLike<number>, nSlots: number, heads: Heads, nChunks: number): Float64Array {
  const { nHead, nKvHead, dHead, length } = heads;
  const errors = new Float64Array((q.length / dHead) * nSlots);
  for (let row = 0; row < q.length / dHead; row++) {
    const cache = (Math.floor(row / nHead) * nKvHead + Math.floor((row % nHead) / (nHead / nKvHead))) * nSlots;
    const scores: number[] = [];
    for (let s = 0; s < length; s++) {
      let [sum, size] = [0, 0];
      for (let d = 0; d < dHead; d++) {
        const term = (q[row * dHead + d]! * k[(cache + s) * dHead + d]!) / Math.sqrt(dHead);
        sum += term;
        size += Math.abs(term);
      }
      scores.push(sum);
      errors[row * nSlots + s] = sumBound(dHead + 2, size);
    }
    const top = Math.max(...scores);
    for (let s = 0; s < length; s++) {
      const t = top - scores[s]! + 2 * errors[row * nSlots + s]!;
      const exponent = errors[row * nSlots + s]! + U * t;
      errors[row * nSlots + s] = Math.expm1(exponent) + (1 + Math.expm1(exponent)) * gamma(Math.ceil(2 * t + 4 * (nChunks + 1)));
    }
  }
  return errors;
}

/**
 * Σ p·v with p = e/Σe and relative errors ε of the e: |δy| ≤ Σ p·ε·(|v| + |y|) to first order, doubled for the
 * rest (ε stays below 1/4 in the tests, which is checked). Sums of `length` terms, products and the division
 * (2.5 ULP) on top; weights flushed below 2⁻¹²⁶ are lost beside a sum of at least 1.
 */
export function attentionBound(q: ArrayLike<number>, k: ArrayLike<number>, v: ArrayLike<number>, nSlots: number, heads: Heads, nChunks: number): Bound {
  const { nHead, nKvHead, dHead, length } = heads;
  const p = decodePatternTwin(q, k, nSlots, heads);
  const errors = weightErrors(q, k, nSlots, heads, nChunks);
  const y = decodeAttentionTwin(q, k, v, nSlots, heads);
  const largest = maxOf(v);
  return (i) => {
    const row = Math.floor(i / dHead);
    const cache = (Math.floor(row / nHead) * nKvHead + Math.floor((row % nHead) / (nHead / nKvHead))) * nSlots;
    let [moved, size] = [0, 0];
    for (let s = 0; s < length; s++) {
      const [weight, e] = [p[row * nSlots + s]!, errors[row * nSlots + s]!];
      if (weight > 2 ** -60 && !(e < 0.25)) return NaN;
      const value = Math.abs(v[(cache + s) * dHead + (i % dHead)]!);
      moved += weight * Math.min(e, 1) * (value + Math.abs(y[i]!));
      size += weight * value;
    }
    return 2 * moved + gamma(2 * length + 8) * (size + Math.abs(y[i]!)) + 2 * length * TINY * (1 + largest);
  };
}

/** The weights themselves: ε of the element and of the sum, `length` additions, a division of 2.5 ULP. */
export function patternBound(q: ArrayLike<number>, k: ArrayLike<number>, nSlots: number, heads: Heads): Bound {
  const p = decodePatternTwin(q, k, nSlots, heads);
  const errors = weightErrors(q, k, nSlots, heads, 1);
  return (i) => {
    const row = Math.floor(i / nSlots);
    let mean = 0;
    for (let s = 0; s < heads.length; s++) mean += p[row * nSlots + s]! * Math.min(errors[row * nSlots + s]!, 1);
    return 2 * p[i]! * (errors[i]! + mean + gamma(heads.length)) + 2.5 * f32Ulp(p[i]!) + 2 * TINY;
  };
}

function maxOf(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]!));
  return max;
}
