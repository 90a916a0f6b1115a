import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import { matmul, matmulTwin } from "./matmul.ts";
import { chooseMatmul, type MatmulChoice, recordMatmul } from "./matmul_kernels.ts";
import { sumRows } from "./sum_rows.ts";

export interface LinearOptions {
  /** [out], f32: added to every row. */
  readonly bias?: Tensor;
  /** [..., out], f32: added to the result (the residual stream, say). */
  readonly addTo?: Tensor;
  /** The kernel to use instead of the fastest; for benchmarks and tests. */
  readonly choice?: MatmulChoice;
}

/**
 * y = x·Wᵀ (+ bias) (+ addTo), one dispatch (two where few long sums are cut in parts).
 * x: [..., in] f32; w: [out, in] f32 or f16; y: [..., out] f32.
 * Gradients: dx = dy·W; dW = dyᵀ·x (f32 also for w in f16); dbias = Σ_rows dy; daddTo = dy.
 * Throws `shape`. Few rows of x take a matrix-vector kernel, see `chooseMatmul`.
 */
export function linear(r: Recorder, x: Tensor, w: Tensor, options: LinearOptions = {}): Tensor {
  const { bias, addTo } = options;
  const [nOut, nIn] = [w.shape[0] ?? 0, x.width];
  expectDType("linear", "x", x, "f32");
  expectDType("linear", "w", w, "f32", "f16");
  expectShape("linear", "w", w, [nOut, nIn]);
  const outShape = [...x.shape.slice(0, -1), nOut];
  if (bias) {
    expectDType("linear", "bias", bias, "f32");
    expectShape("linear", "bias", bias, [nOut]);
  }
  if (addTo) {
    expectDType("linear", "addTo", addTo, "f32");
    expectShape("linear", "addTo", addTo, outShape);
  }
  const rows = x.nRows;
  const shape = { m: rows, n: nOut, k: nIn, g: 1, aBatch: 0, bBatch: 0, transposeA: false, transposeB: true };
  const y = r.empty(outShape, "f32", "linear");
  recordMatmul(r, options.choice ?? chooseMatmul(r.gpu, shape), shape, { a: x, b: w, y, bias, addTo });
  const inputs = [x, w, ...(bias ? [bias] : []), ...(addTo ? [addTo] : [])];
  r.onBackward(y, inputs, (dy, needs) => {
    const dyRows = r.reshape(dy, [rows, nOut]);
    const dx = needs[0] ? r.reshape(matmul(r, dyRows, w), x.shape) : null;
    const dw = needs[1] ? matmul(r, dyRows, r.reshape(x, [rows, nIn]), { transposeA: true }) : null;
    const dbias = bias ? [needs[2] ? sumRows(r, dyRows) : null] : [];
    return [dx, dw, ...dbias, ...(addTo ? [dy] : [])];
  });
  return y;
}

/** Float64 twin of `linear`. x: [rows, in]; w: [out, in]; bias: [out]; addTo: [rows, out]. */
export function linearTwin(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  nIn: number,
  { bias, addTo }: { readonly bias?: ArrayLike<number>; readonly addTo?: ArrayLike<number> } = {},
): Float64Array {
  const [m, n] = [x.length / nIn, w.length / nIn];
  const y = matmulTwin(x, w, { m, n, k: nIn, transposeB: true });
  return y.map((v, i) => v + (bias ? bias[i % n]! : 0) + (addTo ? addTo[i]! : 0));
}
