/**
 * How the decode kernels are cut for a device, as override constants. A GPU wants neighbouring invocations to
 * read neighbouring weights and many groups in flight. A software adapter runs invocations as SIMD lanes of a
 * few threads, pays for every barrier and turns neighbouring reads into single loads anyway: there one
 * invocation takes whole rows, and no barrier is left in the matrix–vector kernels.
 */

interface Adapter {
  readonly isSoftware: boolean;
}

export interface RowTuning {
  readonly WG_SIZE: number;
  /** Invocations that share a weight row. */
  readonly LANES: number;
  /** Rows of x that are multiplied with a weight once it is loaded. */
  readonly BATCH: number;
  /** Tiles of four weight rows that an x serves once it is loaded. */
  readonly TILES: number;
}

export interface AttentionTuning {
  readonly WG_SIZE: number;
  /** Positions whose scores are in workgroup memory at a time. */
  readonly CHUNK: number;
}

/** Constants of the matrix–vector kernels for `nTiles` tiles of four rows of `dIn` elements and `nBatch` rows of x. */
export function rowTuning(adapter: Adapter, dIn: number, nTiles: number, nBatch: number): RowTuning {
  const BATCH = nBatch > 2 ? 4 : nBatch > 1 ? 2 : 1;
  // Two tiles spare a quarter of the loads of a row of x; they must leave at least eight workgroups for the cores.
  if (adapter.isSoftware) return { WG_SIZE: 8, LANES: 1, BATCH, TILES: nBatch === 1 && nTiles >= 128 ? 2 : 1 };
  // At least two quads for each invocation, so that the sum over lanes does not outweigh the row.
  const LANES = Math.min(32, Math.max(4, powerOfTwoUpTo(dIn / 8)));
  return { WG_SIZE: 64, LANES, BATCH, TILES: 1 };
}

/** Constants of the attention kernel for heads of `dHead` elements (at most 1,024). */
export function attentionTuning(adapter: Adapter, dHead: number): AttentionTuning {
  const least = powerOfTwoFrom(Math.ceil(dHead / 4));
  if (adapter.isSoftware) return { WG_SIZE: Math.max(8, least), CHUNK: 128 };
  return { WG_SIZE: Math.max(128, least), CHUNK: 512 };
}

const powerOfTwoUpTo = (x: number): number => 2 ** Math.floor(Math.log2(Math.max(1, x)));
const powerOfTwoFrom = (x: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, x)));
