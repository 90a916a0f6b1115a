import { LabError } from "../../lib/errors.ts";
import { hashString, pcg4d, type Random } from "../../lib/random.ts";
import type { Split } from "./types.ts";

/**
 * The split an item belongs to, from its identity alone: 90 % train, 5 % validation, 5 % test. An item is what a
 * model could learn by heart (a fact, an equation, a key with its value), never a rendered string.
 */
export function splitOf(identity: string): Split {
  const bucket = pcg4d(hashString(identity), identity.length, 0, 0)[0] % 100;
  return bucket < 90 ? "train" : bucket < 95 ? "validation" : "test";
}

/** Draws until the item's identity lies in the split. Throws `internal` after 10,000 tries. */
export function drawInSplit<T>(
  random: Random,
  split: Split,
  draw: (random: Random) => T,
  identity: (item: T) => string,
): T {
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const item = draw(random);
    if (splitOf(identity(item)) === split) return item;
  }
  throw new LabError("internal", `drawInSplit: no item of split ${split} in 10,000 draws.`);
}
