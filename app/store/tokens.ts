/** Lists of scored tokens: how they grow while they stream, and what their numbers add up to. */
import type { ScoredToken } from "../../lab/protocol.ts";
import type { Chunks } from "./state.ts";

export const chunkSize = 32;

/** Tokens cut into full runs and a rest. */
export function toChunks(tokens: readonly ScoredToken[]): Chunks {
  const chunks: ScoredToken[][] = [];
  for (let i = 0; i < tokens.length; i += chunkSize) chunks.push(tokens.slice(i, i + chunkSize));
  return chunks;
}

/** The same list with more tokens at its end; full runs keep their identity. */
export function append(chunks: Chunks, tokens: readonly ScoredToken[]): Chunks {
  if (tokens.length === 0) return chunks;
  const last = chunks.at(-1);
  if (last === undefined || last.length === chunkSize) return [...chunks, ...toChunks(tokens)];
  return [...chunks.slice(0, -1), ...toChunks([...last, ...tokens])];
}

export const countTokens = (chunks: Chunks): number => chunks.reduce((n, chunk) => n + chunk.length, 0);

/** The token at a place of the whole list. */
export const tokenAt = (chunks: Chunks, index: number): ScoredToken | undefined =>
  index < 0 ? undefined : chunks[Math.floor(index / chunkSize)]?.[index % chunkSize];

/** The text of tokens as a person wrote or reads it, without the tokenizer's marks. */
export const textOf = (chunks: Chunks): string =>
  chunks
    .flatMap((chunk) => chunk.filter((token) => token.isSpecial !== true).map((token) => token.piece))
    .join("");

export interface Score {
  /** Tokens that have a probability; the first of a text has none. */
  readonly n: number;
  /** Nats per token. */
  readonly meanNll: number;
  readonly perplexity: number;
}

/** Mean negative log-likelihood and perplexity = exp(mean nll) of the tokens that have a probability; null for none. */
export function score(tokens: readonly ScoredToken[]): Score | null {
  let n = 0;
  let sum = 0;
  for (const { logprob } of tokens) {
    if (logprob === null) continue;
    n++;
    sum -= logprob;
  }
  if (n === 0) return null;
  return { n, meanNll: sum / n, perplexity: Math.exp(sum / n) };
}
