/** Surprise token by token: −ln p as bars along the text. */
import type { ScoredToken } from "../../lab/protocol.ts";

export interface SurpriseBar {
  readonly index: number;
  /** Nats. */
  readonly value: number;
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly height: number;
}

/** Bars in a box `width` × `height`; `top` nats fill the height and what is more is cut there. A token without a probability has no bar. */
export function surpriseBars(
  tokens: readonly ScoredToken[],
  width: number,
  height: number,
  top: number,
): SurpriseBar[] {
  const step = width / Math.max(1, tokens.length);
  const gap = step > 4 ? 1 : 0;
  return tokens.flatMap(({ logprob }, index) => {
    if (logprob === null) return [];
    const value = -logprob;
    const tall = Math.max(0.5, height * Math.min(1, value / top));
    return [{ index, value, x: index * step, width: step - gap, y: height - tall, height: tall }];
  });
}

/** The token the model expected least, or −1. */
export function mostSurprising(tokens: readonly ScoredToken[]): number {
  let at = -1;
  let least = Infinity;
  for (const [index, { logprob }] of tokens.entries()) {
    if (logprob !== null && logprob < least) {
      least = logprob;
      at = index;
    }
  }
  return at;
}
