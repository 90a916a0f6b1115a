import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { rowWorkgroup } from "../row_tuning.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { rowLse } from "./cross_entropy.ts";

export const topTokensKernel = defineKernel({
  name: "top_tokens",
  bindings: { logits: "read", ids: "read_write", logprobs: "read_write" },
  uniforms: { n_rows: "u32", d_vocab: "u32", k: "u32" },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 256 }],
});

/** Most tokens that `topTokens` finds: each costs a pass over the row. */
export const maxTopTokens = 16;

export interface TopTokens {
  /** u32 [..., k] */
  readonly ids: Tensor;
  /** f32 [..., k] */
  readonly logprobs: Tensor;
}

/**
 * The k ≤ 16 most probable tokens of each row, most probable first, the lower id first among equals, with their
 * log-probabilities under the softmax of the row. logits: [..., d_vocab] f32. No gradient. Throws `bad-param`.
 */
export function topTokens(r: Recorder, logits: Tensor, k: number): TopTokens {
  expectDType("topTokens", "logits", logits, "f32");
  const most = Math.min(maxTopTokens, logits.width);
  if (!Number.isInteger(k) || k < 1 || k > most) {
    throw new LabError("bad-param", `topTokens: k is ${k}, expected a whole number from 1 to ${most}`);
  }
  const shape = [...logits.shape.slice(0, -1), k];
  const ids = r.empty(shape, "u32", "top_tokens.ids");
  const logprobs = r.empty(shape, "f32", "top_tokens.logprobs");
  r.dispatch(topTokensKernel, {
    bind: { logits, ids, logprobs },
    uniforms: { n_rows: logits.nRows, d_vocab: logits.width, k },
    grid: fold(logits.nRows),
    constants: { WG_SIZE: rowWorkgroup(r.gpu.adapter, logits.width) },
  });
  return { ids, logprobs };
}

/** Column of the largest element of each row, the lowest among equals. x: [..., d] f32; y: [...] u32. No gradient. */
export function rowArgmax(r: Recorder, x: Tensor): Tensor {
  return r.reshape(topTokens(r, x, 1).ids, x.shape.slice(0, -1));
}

/** Float64 twin: the k best of each row. */
export function topTokensTwin(
  logits: ArrayLike<number>,
  dVocab: number,
  k: number,
): { ids: number[]; logprobs: Float64Array } {
  const ids: number[] = [];
  const logprobs: number[] = [];
  for (let n = 0; n < logits.length / dVocab; n++) {
    const at = (v: number): number => logits[n * dVocab + v]!;
    const order = Array.from({ length: dVocab }, (_, v) => v).sort((a, b) => at(b) - at(a) || a - b);
    const lse = rowLse(logits, n, dVocab);
    ids.push(...order.slice(0, k));
    logprobs.push(...order.slice(0, k).map((v) => at(v) - lse));
  }
  return { ids, logprobs: Float64Array.from(logprobs) };
}
