import { rowTuning } from "../decode_tuning.ts";
import { fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";

/** Overrides the matrix–vector kernels are used with: a software adapter's, then a GPU's. */
export const rowPermutations: readonly Readonly<Record<string, number>>[] = [
  ...[1, 2, 4].map((BATCH) => ({ WG_SIZE: 8, LANES: 1, BATCH })),
  ...[1, 2, 4].map((BATCH) => ({ WG_SIZE: 64, LANES: 32, BATCH })),
  { WG_SIZE: 8, LANES: 1, BATCH: 1, TILES: 2 },
  { WG_SIZE: 64, LANES: 4, BATCH: 1 },
  { WG_SIZE: 64, LANES: 16, BATCH: 4 },
];

/** Whether rows of `dIn` elements can be loaded in fours. */
export const isAligned = (dIn: number): boolean => dIn % 4 === 0;

/** Overrides and grid of a matrix–vector kernel over `nTiles` tiles of four weight rows and `nBatch` rows of x. */
export function rowLaunch(
  r: Recorder,
  dIn: number,
  nTiles: number,
  nBatch: number,
): { constants: Record<string, number>; grid: readonly [number, number, number] } {
  const tuning = rowTuning(r.gpu.adapter, dIn, nTiles, nBatch);
  const [x, y] = fold(Math.ceil((nTiles * tuning.LANES) / (tuning.WG_SIZE * tuning.TILES)));
  return { constants: { ...tuning }, grid: [x, y, Math.ceil(nBatch / tuning.BATCH)] };
}

/** Guards of a normalised product: x [B, d_in] f32, normWeight [d_in] f32, w [?, d_in] f32 or f16. Throws `shape`. */
export function expectNormedProduct(op: string, x: Tensor, normWeight: Tensor, w: Tensor, wName: string): void {
  expectProduct(op, x, w, wName);
  expectDType(op, "normWeight", normWeight, "f32");
  expectShape(op, "normWeight", normWeight, [x.width]);
}

/** Guards of a product: x [B, d_in] f32, w [?, d_in] f32 or f16. Throws `shape`. */
export function expectProduct(op: string, x: Tensor, w: Tensor, wName: string): void {
  expectDType(op, "x", x, "f32");
  expectShape(op, "x", x, [x.nRows, x.width]);
  expectDType(op, wName, w, "f32", "f16");
  expectShape(op, wName, w, [w.nRows, x.width]);
}

/** Float64 twin of the products: z[b,r] = Σ_d x[b,d]·w[r,d]. */
export function productTwin(x: ArrayLike<number>, w: ArrayLike<number>, dIn: number): Float64Array {
  const [nBatch, nRows] = [x.length / dIn, w.length / dIn];
  const z = new Float64Array(nBatch * nRows);
  for (let b = 0; b < nBatch; b++) {
    for (let row = 0; row < nRows; row++) {
      let sum = 0;
      for (let d = 0; d < dIn; d++) sum += x[b * dIn + d]! * w[row * dIn + d]!;
      z[b * nRows + row] = sum;
    }
  }
  return z;
}
