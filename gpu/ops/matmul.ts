import { LabError } from "../../lib/errors.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, shapeText, type Tensor } from "../tensor.ts";
import { chooseMatmul, type MatmulChoice, type MatmulShape, recordMatmul } from "./matmul_kernels.ts";
import { sumRows } from "./sum_rows.ts";

export interface MatmulOptions {
  /** `a` lies as [K, M]. */
  readonly transposeA?: boolean;
  /** `b` lies as [N, K]. */
  readonly transposeB?: boolean;
  /** Added to the product in the same dispatch: f32, the shape of the result. */
  readonly addTo?: Tensor;
  /** The kernel to use instead of the fastest; for benchmarks and tests. */
  readonly choice?: MatmulChoice;
}

/**
 * y[m,n] = Σ_k a[m,k]·b[k,n] (+ addTo[m,n]), summed in f32.
 * a: [M,K], or [K,M] with transposeA, f32; b: [K,N], or [N,K] with transposeB, f32 or f16; y: [M,N] f32.
 * Batched: a leading axis [G,·,·] on either or both (one without it is shared by all products); y is [G,M,N] then.
 * Gradients of a, b and addTo: da = dy·bᵀ, db = aᵀ·dy (f32 also for b in f16), turned as a and b lie; dy.
 * Throws `shape`; `unsupported` for transposeA with b in f16.
 */
export function matmul(r: Recorder, a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { addTo } = options;
  expectDType("matmul", "a", a, "f32");
  expectDType("matmul", "b", b, "f32", "f16");
  if (options.transposeA && b.dtype === "f16") {
    throw new LabError("unsupported", "matmul: a transposed a with b in f16 has no gradient; widen b to f32");
  }
  const flat = flattened(r, a, b, options);
  if (flat !== null) return flat;
  const shape = matmulShape(a, b, options);
  const outShape =
    a.shape.length === 3 || b.shape.length === 3 ? [shape.g, shape.m, shape.n] : [shape.m, shape.n];
  if (addTo) {
    expectDType("matmul", "addTo", addTo, "f32");
    expectShape("matmul", "addTo", addTo, outShape);
  }
  const y = r.empty(outShape, "f32", "matmul");
  recordMatmul(r, options.choice ?? chooseMatmul(r.gpu, shape), shape, { a, b, y, addTo });
  r.onBackward(y, addTo ? [a, b, addTo] : [a, b], (dy, [needsA, needsB]) => [
    needsA ? shared(r, gradientOfA(r, b, dy, shape), a) : null,
    needsB ? shared(r, gradientOfB(r, a, dy, shape), b) : null,
    dy,
  ]);
  return y;
}

/** [G,M,K] times one [K,N] is a single product of G·M rows; null where that is not the case. */
function flattened(r: Recorder, a: Tensor, b: Tensor, options: MatmulOptions): Tensor | null {
  if (a.shape.length !== 3 || b.shape.length !== 2 || options.transposeA) return null;
  const [g, m, k] = a.shape as [number, number, number];
  const n = b.shape[options.transposeB ? 0 : 1]!;
  if (k !== b.shape[options.transposeB ? 1 : 0]) return null;
  const { addTo } = options;
  if (addTo) expectShape("matmul", "addTo", addTo, [g, m, n]);
  const rows = addTo ? { ...options, addTo: r.reshape(addTo, [g * m, n]) } : options;
  return r.reshape(matmul(r, r.reshape(a, [g * m, k]), b, rows), [g, m, n]);
}

/** Checks the shapes of `a` and `b` against each other. Throws `shape`. */
function matmulShape(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions,
): MatmulShape {
  const given = `matmul: a is ${shapeText(a)}${transposeA ? "ᵀ" : ""}, b is ${shapeText(b)}${transposeB ? "ᵀ" : ""}`;
  for (const { shape } of [a, b]) {
    if (shape.length !== 2 && shape.length !== 3) {
      throw new LabError("shape", `${given}; expected matrices, or batches of them [G,·,·]`);
    }
  }
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [kb, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  if (k !== kb) throw new LabError("shape", `${given}; inner sizes ${k} and ${kb} differ`);
  if (k === 0) throw new LabError("shape", `${given}; the inner size is 0`);
  const [ga, gb] = [batchOf(a), batchOf(b)];
  if (ga !== null && gb !== null && ga !== gb) {
    throw new LabError("shape", `${given}; batches of ${ga} and ${gb} differ`);
  }
  const [aBatch, bBatch] = [ga === null ? 0 : m * k, gb === null ? 0 : k * n];
  return { m, n, k, g: ga ?? gb ?? 1, aBatch, bBatch, transposeA, transposeB };
}

const batchOf = (t: Tensor): number | null => (t.shape.length === 3 ? t.shape[0]! : null);

function gradientOfA(r: Recorder, b: Tensor, dy: Tensor, { transposeA, transposeB }: MatmulShape): Tensor {
  return transposeA
    ? matmul(r, b, dy, { transposeA: transposeB, transposeB: true })
    : matmul(r, dy, b, { transposeB: !transposeB });
}

function gradientOfB(r: Recorder, a: Tensor, dy: Tensor, { transposeA, transposeB }: MatmulShape): Tensor {
  return transposeB
    ? matmul(r, dy, a, { transposeA: true, transposeB: transposeA })
    : matmul(r, a, dy, { transposeA: !transposeA });
}

/** The gradient of an operand that all products shared is the sum of what each gives it. */
function shared(r: Recorder, gradient: Tensor, operand: Tensor): Tensor {
  if (gradient.shape.length === operand.shape.length) return gradient;
  const [g] = gradient.shape as [number];
  return r.reshape(sumRows(r, r.reshape(gradient, [g, operand.size])), operand.shape);
}

/** Sizes for `matmulTwin`; `aBatch` and `bBatch` may be left out when there is one product. */
export type TwinShape = Pick<MatmulShape, "m" | "n" | "k"> & Partial<MatmulShape>;

/** Float64 twin of `matmul` without addTo. */
export function matmulTwin(a: ArrayLike<number>, b: ArrayLike<number>, shape: TwinShape): Float64Array {
  const { m, n, k, g = 1, aBatch = m * k, bBatch = k * n, transposeA = false, transposeB = false } = shape;
  const y = new Float64Array(g * m * n);
  for (let z = 0; z < g; z++) {
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          const left = a[z * aBatch + (transposeA ? i * m + row : row * k + i)]!;
          const right = b[z * bBatch + (transposeB ? col * k + i : i * n + col)]!;
          sum += left * right;
        }
        y[(z * m + row) * n + col] = sum;
      }
    }
  }
  return y;
}

/** Float64 twin of the gradients of `matmul`, each in the layout of its operand. */
export function matmulBackwardTwin(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  dy: ArrayLike<number>,
  shape: TwinShape,
): { da: Float64Array; db: Float64Array } {
  const { m, n, k, g = 1, aBatch = m * k, bBatch = k * n, transposeA = false, transposeB = false } = shape;
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  for (let z = 0; z < g; z++) {
    for (let row = 0; row < m; row++) {
      for (let col = 0; col < n; col++) {
        const slope = dy[(z * m + row) * n + col]!;
        for (let i = 0; i < k; i++) {
          const ia = z * aBatch + (transposeA ? i * m + row : row * k + i);
          const ib = z * bBatch + (transposeB ? col * k + i : i * n + col);
          da[ia]! += slope * b[ib]!;
          db[ib]! += slope * a[ia]!;
        }
      }
    }
  }
  return { da, db };
}
