import type { Verdict } from "./types.ts";

export const accept = (why: string): Verdict => ({ ok: true, why });
export const reject = (why: string): Verdict => ({ ok: false, why });

/** The first line of an output without outer spaces: what an answer task judges. */
export const firstLine = (output: string): string => (output.trimStart().split("\n")[0] ?? "").trim();

/** Exact match of the first line with the gold answer. */
export function exact(output: string, gold: string): Verdict {
  const got = firstLine(output);
  const want = gold.trim();
  return got === want ? accept(`"${want}" is right.`) : reject(`Expected "${want}", got "${got}".`);
}
