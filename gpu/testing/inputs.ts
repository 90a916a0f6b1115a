import { Random } from "../../lib/random.ts";

/** Small distinct integers in [-limit, limit]: sums of their products stay exact in f32. */
export function integers(n: number, seed: number, limit = 15): Float32Array<ArrayBuffer> {
  const random = new Random(seed, "integers");
  return Float32Array.from({ length: n }, () => random.int(2 * limit + 1) - limit);
}

/** Seeded floats in (-1, 1), with a few larger, tiny and zero ones among them. */
export function floats(n: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed, "floats");
  return Float32Array.from({ length: n }, (_, i) => {
    const x = 2 * random.next() - 1;
    if (i % 61 === 17) return 0;
    if (i % 53 === 29) return x * 30;
    if (i % 47 === 31) return x * 1e-6;
    return x;
  });
}

/** Central differences in float64 of a scalar function, one partial derivative per element of `x`. */
export function numericGradient(f: (x: Float64Array) => number, x: ArrayLike<number>, h = 1e-5): Float64Array {
  const at = Float64Array.from(x);
  return Float64Array.from(at, (value, i) => {
    at[i] = value + h;
    const up = f(at);
    at[i] = value - h;
    const down = f(at);
    at[i] = value;
    return (up - down) / (2 * h);
  });
}

/** Σ a·b in float64. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
