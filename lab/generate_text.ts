import type { PromptScores } from "../lm/generate.ts";
import type { Tokenizer } from "../lm/tokenizer.ts";
import type { Calls, ScoredToken } from "./protocol.ts";
import type { Session } from "./session.ts";
import { encodePrompt, stopIds, tokenizerOf, tokenOf } from "./text.ts";

type Generate = Calls["generate"];

/**
 * Continues a text: first the prompt's own tokens as the model sees them, then each new token as it comes.
 * A continuation ends with its stop token, which is passed on too. Throws `bad-param`, `cancelled`.
 */
export async function* generateText(
  session: Session,
  { prompt, maxNewTokens, sampling, n, nRunnersUp }: Generate["params"],
  signal?: AbortSignal,
): AsyncGenerator<Generate["event"], Generate["result"]> {
  const loaded = session.current;
  const tokenizer = tokenizerOf(loaded);
  const ids = encodePrompt(loaded, prompt);
  const nTop = Math.max(1, nRunnersUp);
  const decoder = await session.decoderFor(n, nTop);
  const stops = stopIds(loaded);
  let scores: PromptScores | undefined;
  const onPrompt = (seen: PromptScores): void => void (scores = seen);
  const steps = decoder.generate(ids, { ...sampling, maxNewTokens, stopIds: stops, onPrompt, ...(signal ? { signal } : {}) });
  const open = new Set(Array.from({ length: n }, (_, k) => k));
  for (;;) {
    const { value, done } = await steps.next();
    if (scores !== undefined) yield { kind: "prompt", tokens: promptTokens(tokenizer, ids, scores, nTop) };
    scores = undefined;
    if (done) {
      const { reason, timing } = value;
      const { prefillMs, decodeMs, nSteps, dispatchesPerToken, readbackBytesPerToken } = timing;
      const tokensPerSecond = decodeMs > 0 ? (1000 * n * nSteps) / decodeMs : 0;
      return { stopped: reason, timing: { prefillMs, decodeMs, tokensPerSecond, dispatchesPerToken, readbackBytesPerToken } };
    }
    for (const k of open) {
      const id = value.ids[k]!;
      const token: ScoredToken = {
        ...tokenOf(tokenizer, id),
        logprob: value.logprobs![k]!,
        runnersUp: runnersUp(tokenizer, value.topIds!, value.topLogprobs!, k, nTop),
      };
      yield { kind: "token", continuation: k, token };
      if (stops.includes(id)) open.delete(k);
    }
  }
}

/** Every token of the prompt with the probability the model gave it and what it would have said instead. */
function promptTokens(tokenizer: Tokenizer, ids: readonly number[], scores: PromptScores, k: number): ScoredToken[] {
  return ids.map((id, t) => ({
    ...tokenOf(tokenizer, id),
    logprob: t === 0 ? null : scores.logprobs[t - 1]!,
    runnersUp: t === 0 ? [] : runnersUp(tokenizer, scores.topIds, scores.topLogprobs, t - 1, k),
  }));
}

/** Row `row` of [N·k] ids and log-probabilities as tokens. */
function runnersUp(
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
