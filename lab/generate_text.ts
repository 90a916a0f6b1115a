import { encodePrompt, stopIds, tokenizerOf } from "./text.ts";
import type { Calls, ScoredToken } from "./protocol.ts";
import { runnersUp, scoreTokens } from "./score.ts";
import type { Session } from "./session.ts";

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
  const steps = decoder.generate(ids, { ...sampling, maxNewTokens, stopIds: stops, ...(signal ? { signal } : {}) });
  const open = new Set(Array.from({ length: n }, (_, k) => k));
  yield { kind: "prompt", tokens: await scoreTokens(loaded.model, tokenizer, ids, nTop) };
  for (;;) {
    const { value, done } = await steps.next();
    if (done) {
      const { reason, timing } = value;
      const { prefillMs, decodeMs, nSteps, dispatchesPerToken, readbackBytesPerToken } = timing;
      const tokensPerSecond = decodeMs > 0 ? (1000 * n * nSteps) / decodeMs : 0;
      return { stopped: reason, timing: { prefillMs, decodeMs, tokensPerSecond, dispatchesPerToken, readbackBytesPerToken } };
    }
    for (const k of open) {
      const id = value.ids[k]!;
      const token: ScoredToken = {
        id,
        piece: tokenizer.piece(id),
        logprob: value.logprobs![k]!,
        runnersUp: runnersUp(tokenizer, value.topIds!, value.topLogprobs!, k, nTop),
      };
      yield { kind: "token", continuation: k, token };
      if (stops.includes(id)) open.delete(k);
    }
  }
}
