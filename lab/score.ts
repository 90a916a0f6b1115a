import { logProbOf } from "../gpu/ops/cross_entropy.ts";
import { topTokens } from "../gpu/ops/top_tokens.ts";
import type { Tokenizer } from "../lm/tokenizer.ts";
import type { Transformer } from "../lm/transformer.ts";
import type { ScoredToken } from "./protocol.ts";

/** Every token of a text with the probability the model gave it and what it would have said instead. */
export async function scoreTokens(
  model: Transformer,
  tokenizer: Tokenizer,
  ids: readonly number[],
  nTop: number,
): Promise<ScoredToken[]> {
  const { gpu } = model;
  const seqLen = ids.length;
  const input = gpu.upload(Uint32Array.from(ids), [seqLen], "text");
  const next = gpu.upload(Uint32Array.from(ids, (_, t) => ids[t + 1] ?? 0), [seqLen], "next");
  try {
    const plan = await gpu.record("score", (r) => {
      const logits = model.forward(r, input, { batch: 1, seqLen });
      const top = topTokens(r, logits, nTop);
      return { logprobs: r.keep(logProbOf(r, logits, next)), topIds: r.keep(top.ids), topLogprobs: r.keep(top.logprobs) };
    });
    try {
      plan.run();
      const [logprobs, topIds, topLogprobs] = await Promise.all([
        gpu.read(plan.outputs.logprobs),
        gpu.read(plan.outputs.topIds, "u32"),
        gpu.read(plan.outputs.topLogprobs),
      ]);
      return ids.map((id, t) => ({
        id,
        piece: tokenizer.piece(id),
        logprob: t === 0 ? null : logprobs[t - 1]!,
        runnersUp: t === 0 ? [] : runnersUp(tokenizer, topIds, topLogprobs, t - 1, nTop),
      }));
    } finally {
      plan.dispose();
    }
  } finally {
    gpu.free(input, next);
  }
}

/** Row `row` of [N·k] ids and log-probabilities as tokens. */
export function runnersUp(
  tokenizer: Tokenizer,
  topIds: Uint32Array,
  topLogprobs: Float32Array,
  row: number,
  k: number,
): ScoredToken["runnersUp"] {
  return Array.from({ length: k }, (_, j) => {
    const id = topIds[row * k + j]!;
    return { id, piece: tokenizer.piece(id), logprob: topLogprobs[row * k + j]! };
  });
}
