import { LabError } from "../../../lib/errors.ts";
import type { Random } from "../../../lib/random.ts";
import { recallWords } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Segment, Split, Task } from "../types.ts";
import { exact } from "../verdicts.ts";

type Pair = readonly [key: string, value: string];
const identity = ([key, value]: Pair): string => `pair|${key}|${value}`;

/** Words that open the list; their lengths differ by one token, so that any length can be hit. */
const openings = ["Pairs:", "The pairs:", "Here are pairs:"] as const;

/** `n` pairs with distinct keys, all of the split. */
function drawPairs(random: Random, split: Split, n: number): Pair[] {
  return random
    .sample(recallWords, n)
    .map((key) => drawInSplit(random, split, (r) => [key, r.pick(recallWords)] as const, identity));
}

const list = (pairs: readonly Pair[]): string => pairs.map(([k, v]) => ` ${k} ${v}`).join(",") + ".";

/** Tokens around `n` pairs: `<bos>`, opening of `o` tokens, 3n, " Find", ":", key, value, ".", `<eos>`. */
const lengthOf = (n: number, o: number): number => 1 + o + 3 * n + 6;

/** Recall: each key stands beside its value; one key is asked. */
export const keyValueTask: Task = Object.freeze<Task>({
  id: "key-value",
  title: "Key-value recall",
  about:
    "A list of words with a word each; one key is asked again. Any length can be had exactly. Judged by exact match.",
  example(random, split, options = {}) {
    let n = 4 + random.int(17);
    let opening: string = random.pick(openings);
    if (options.length !== undefined) {
      const o = [2, 3, 4].find((k) => (options.length! - lengthOf(0, k)) % 3 === 0)!;
      n = (options.length - lengthOf(0, o)) / 3;
      opening = openings[o - 2]!;
      if (n < 1 || n > recallWords.length) {
        throw new LabError(
          "bad-param",
          `key-value: length ${options.length} gives ${n} pairs; 1 to ${recallWords.length} are possible.`,
        );
      }
    }
    const pairs = drawPairs(random, split, n);
    const at = options.depth === undefined ? random.int(n) : Math.min(n - 1, Math.floor(options.depth * n));
    const [key, value] = pairs[at]!;
    return {
      task: "key-value",
      split,
      prompt: `${opening}${list(pairs)} Find: ${key}`,
      completion: ` ${value}.`,
      meta: { identity: identity(pairs[at]!), key, value, nPairs: n, at },
    };
  },
  verify: (example, output) => exact(output.split(/[.,]/)[0] + ".", example.completion),
  document(random, split, budget) {
    const nMax = Math.max(2, Math.min(170, Math.floor((budget - 8) / 3)));
    const share = 0.3 + 0.65 * random.next();
    const n = Math.max(2, Math.floor(nMax * share));
    const pairs = drawPairs(random, split, n);
    const segments: Segment[] = [{ text: `${random.pick(openings)}${list(pairs)} Find:`, loss: false }];
    const asked = random.shuffle(pairs).slice(0, Math.max(1, nMax - n));
    asked.forEach(([key, value], i) => {
      segments.push({ text: `${i === 0 ? "" : ","} ${key}`, loss: false }, { text: ` ${value}`, loss: true });
    });
    segments.push({ text: ".", loss: true });
    return segments;
  },
});
