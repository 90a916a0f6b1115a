import { LabError } from "../../lib/errors.ts";
import { Dynamic } from "../step.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";

/**
 * How attention lies in memory. A fused row `qkv[b·T + t]` holds nHead query heads, then nKvHead heads of keys,
 * then nKvHead heads of values, each dHead wide. Query head h reads kv head floor(h / (nHead / nKvHead)).
 */
export interface Heads {
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dHead: number;
}

/** Width of a fused row, in elements: (nHead + 2·nKvHead)·dHead. */
export const fusedWidth = ({ nHead, nKvHead, dHead }: Heads): number => (nHead + 2 * nKvHead) * dHead;

/** The kv head that serves query head `h`. */
export const kvHeadOf = ({ nHead, nKvHead }: Heads, h: number): number => Math.floor(h / (nHead / nKvHead));

/**
 * Guard: throws `shape` unless `qkv` is a matrix of f32 fused rows and its rows are whole sequences of
 * `seqLen`, and the kv heads divide the query heads. Returns the batch size.
 */
export function expectFused(op: string, qkv: Tensor, heads: Heads, seqLen: number): number {
  const { nHead, nKvHead, dHead } = heads;
  expectDType(op, "qkv", qkv, "f32");
  if (![nHead, nKvHead, dHead, seqLen].every((n) => Number.isInteger(n) && n >= 1)) {
    throw new LabError("shape", `${op}: nHead ${nHead}, nKvHead ${nKvHead}, dHead ${dHead} and seqLen ${seqLen} must be positive integers`);
  }
  if (nHead % nKvHead !== 0) throw new LabError("shape", `${op}: ${nHead} query heads are not a multiple of ${nKvHead} kv heads`);
  const width = fusedWidth(heads);
  const [nRows] = qkv.shape;
  if (qkv.shape.length !== 2 || qkv.width !== width || nRows! % seqLen !== 0) {
    throw new LabError(
      "shape",
      `${op}: qkv is ${shapeText(qkv)}, expected [n·${seqLen},${width}] for ${nHead} query and ${nKvHead} kv heads of ${dHead}`,
    );
  }
  return nRows! / seqLen;
}

/**
 * Guard: throws `shape` unless `k` and `v` are f32 caches [batch, nKvHead, S, dHead] of one capacity S with
 * room for `seqLen` rows from `position` on (a Dynamic position is for the caller to keep in range). Returns S.
 */
export function expectCache(
  op: string,
  cache: { readonly k: Tensor; readonly v: Tensor },
  heads: Heads,
  at: { readonly batch: number; readonly seqLen: number; readonly position: number | Dynamic },
): number {
  const capacity = cache.k.shape[2] ?? 0;
  const want = [at.batch, heads.nKvHead, capacity, heads.dHead];
  for (const [name, t] of Object.entries(cache)) {
    expectDType(op, name, t, "f32");
    if (t.shape.length !== 4 || want.some((n, i) => t.shape[i] !== n)) {
      throw new LabError("shape", `${op}: ${name} is ${shapeText(t)}, expected [${at.batch},${heads.nKvHead},${capacity},${heads.dHead}]`);
    }
  }
  expectRoom(op, "the cache", capacity, at);
  return capacity;
}

/** Guard: throws `shape` unless positions position … position + seqLen − 1 lie below `limit`. */
export function expectRoom(
  op: string,
  what: string,
  limit: number,
  { seqLen, position }: { readonly seqLen: number; readonly position: number | Dynamic },
): void {
  const first = position instanceof Dynamic ? 0 : position;
  if (!Number.isInteger(first) || first < 0 || first + seqLen > limit) {
    throw new LabError("shape", `${op}: positions ${first} to ${first + seqLen - 1} do not fit in ${what} of ${limit}`);
  }
}
