/**
 * The one place where tests get their tolerances. A bound here is derived from the arithmetic (or is one of
 * the few agreed numbers of `docs/NUMERICS.md`); a test names its bound and never writes a number of its own.
 *
 * Arrays are flat and of any numeric type; a bound is a function of the flat index.
 */

/** Largest allowed |actual − expected| at flat index `i`. */
export type Bound = (i: number) => number;

/** Where two arrays first disagree; `index` −1 means that their lengths do. */
export interface Mismatch {
  readonly index: number;
  readonly actual: number;
  readonly expected: number;
  readonly bound: number;
}

/**
 * First element with !(|actual − expected| ≤ bound), or null. Written with ≤ inside the negation so that a
 * NaN anywhere (value or bound) is a mismatch; a non-finite expectation must be met exactly.
 */
export function firstMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: Bound,
): Mismatch | null {
  if (actual.length !== expected.length) {
    return { index: -1, actual: actual.length, expected: expected.length, bound: 0 };
  }
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    const b = bound(i);
    const ok = Number.isFinite(e) ? Math.abs(a - e) <= b && Number.isFinite(a) : Object.is(a, e);
    if (!ok) return { index: i, actual: a, expected: e, bound: b };
  }
  return null;
}

/**
 * Throws when `actual` differs from `expected` by more than `bound`; the message has the index, both values,
 * their difference and the bound. Numbers are taken as arrays of one.
 */
export function expectClose(
  actual: ArrayLike<number> | number,
  expected: ArrayLike<number> | number,
  bound: Bound | number,
  what = "value",
): void {
  const limit = typeof bound === "number" ? () => bound : bound;
  const m = firstMismatch(asArray(actual), asArray(expected), limit);
  if (m === null) return;
  if (m.index < 0) throw new Error(`${what}: got ${m.actual} numbers, expected ${m.expected}`);
  const difference = Math.abs(m.actual - m.expected);
  throw new Error(
    `${what}[${m.index}]: got ${m.actual}, expected ${m.expected}; they differ by ${difference}, allowed ${m.bound}`,
  );
}

/** Nothing may differ: copies, gathers, caches, indices, integers with Σ|terms| < 2²⁴. */
export const exact: Bound = () => 0;

/** WGSL fixes no rounding mode, so either neighbour is a right answer: u is 2⁻²³ and not 2⁻²⁴. */
export const U = 2 ** -23;

/** A device may flush results (and inputs) below this to zero: the smallest normal f32. */
export const TINY = 2 ** -126;

/**
 * γ_k = k·u / (1 − k·u): the relative error of a k-term f32 sum of products in any order.
 * Higham, "Accuracy and Stability of Numerical Algorithms", §3.1. Throws where k·u ≥ 1.
 */
export function gamma(k: number): number {
  if (!(k * U < 1)) throw new Error(`gamma: ${k} terms are too many for f32 (k·2⁻²³ must stay below 1)`);
  return (k * U) / (1 - k * U);
}

/** A k-term f32 sum: γ_k·Σ|terms| + k·2⁻¹²⁶ (the last part is flushed subnormals). */
export const sumBound = (k: number, sumAbsTerms: number): number => gamma(k) * sumAbsTerms + k * TINY;

/** {@link sumBound} for a whole output, given Σ|terms| of each element. */
export const sums =
  (k: number, sumAbsTerms: ArrayLike<number>): Bound =>
  (i) =>
    sumBound(k, sumAbsTerms[i]!);

/** Distance from |x| to the next f32 above it; 2⁻¹⁴⁹ at and below the smallest normal. */
export const f32Ulp = (x: number): number => 2 ** (Math.max(exponentOf(x), -126) - 23);

/** Distance from |x| to the next f16 above it; 2⁻²⁴ at and below the smallest normal (2⁻¹⁴). */
export const f16Ulp = (x: number): number => 2 ** (Math.max(exponentOf(x), -14) - 10);

/**
 * Accuracy of WGSL's built-ins in f32, at result `y` (WGSL §15.7.4, "Accuracy of concrete floating point
 * expressions"), plus 2⁻¹²⁶ where a device may flush.
 */
export const builtin = {
  /** `a / b` = y. */
  divide: (y: number): number => 2.5 * f32Ulp(y) + TINY,
  /** `sqrt(x)` = y: inherited from 1 / inverseSqrt(x). */
  sqrt: (y: number): number => (2.5 + 2) * f32Ulp(y) + TINY,
  /** `inverseSqrt(x)` = y. */
  inverseSqrt: (y: number): number => 2 * f32Ulp(y) + TINY,
  /** `exp(x)` = y. */
  exp: (x: number, y: number): number => (3 + 2 * Math.abs(x)) * f32Ulp(y) + TINY,
  /** `log(x)` = y: 2⁻²¹ absolute for x in [0.5, 2], 3 ULP elsewhere. */
  log: (x: number, y: number): number => (x >= 0.5 && x <= 2 ? 2 ** -21 : 3 * f32Ulp(y) + TINY),
  /** `tanh(x)`: absolute, whatever the result. */
  tanh: (): number => 1e-5,
} as const;

/** Storage in f16: the bound `inner` of the computation, and one f16 ULP for the rounding at the output. */
export const storedAsF16 =
  (expected: ArrayLike<number>, inner: Bound = exact): Bound =>
  (i) =>
    inner(i) + f16Ulp(expected[i]!);

/**
 * Analytic float64 gradient against central differences: 1e-6 of the largest gradient of the tensor (small
 * entries drown in the cancellation of the differences). Give `scale` where every entry may be zero.
 */
export function gradientTwin(expected: ArrayLike<number>, scale = maxAbs(expected)): Bound {
  return (i) => 1e-6 * Math.max(scale, Math.abs(expected[i]!));
}

/** A whole f32 model against an independent float reference: 1e-3 of the logits' standard deviation. */
export const modelLogits = (referenceStd: number): number => 1e-3 * referenceStd;

/** Gradient of one tensor through a whole f32 model against the float64 twin: 1e-4 of its largest entry. */
export const modelGradient = (expected: ArrayLike<number>): Bound => {
  const largest = maxAbs(expected);
  return () => 1e-4 * largest;
};

/** Training losses step by step: 1e-3 of the expected loss. */
export const lossCurve =
  (expected: ArrayLike<number>): Bound =>
  (i) =>
    1e-3 * Math.abs(expected[i]!);

/** A number copied from print with `decimals` digits after the point: half a unit in the last one. */
export const printed = (decimals: number): number => 0.5 * 10 ** -decimals;

/** A k-term sum (or chain of k roundings) in float64 whose terms add up to Σ|terms|. */
export const float64 = (k: number, sumAbsTerms: number): number => 2 * k * 2 ** -53 * sumAbsTerms;

/**
 * The mean of n independent draws with standard deviation `std`: five standard errors, passed by chance
 * about 2 million times for each time it fails.
 */
export const sampleMean = (std: number, n: number): number => (5 * std) / Math.sqrt(n);

const asArray = (x: ArrayLike<number> | number): ArrayLike<number> => (typeof x === "number" ? [x] : x);

function maxAbs(values: ArrayLike<number>): number {
  let m = 0;
  for (let i = 0; i < values.length; i++) m = Math.max(m, Math.abs(values[i]!));
  return m;
}

/** floor(log2 |x|), read from the bits so that it is right at powers of two; −1023 for 0. Throws unless finite. */
function exponentOf(x: number): number {
  if (!Number.isFinite(x)) throw new Error(`no unit in the last place of ${x}`);
  scratch.setFloat64(0, x);
  return ((scratch.getUint16(0) >>> 4) & 0x7ff) - 1023;
}
const scratch = new DataView(new ArrayBuffer(8));
