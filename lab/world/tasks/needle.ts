import { LabError } from "../../../lib/errors.ts";
import type { Random } from "../../../lib/random.ts";
import { animals, foods, people, places, recallWords, weather } from "../lexicon.ts";
import { countPieces } from "../pretokenize.ts";
import { drawInSplit } from "../splits.ts";
import type { Segment, Task } from "../types.ts";
import { exact } from "../verdicts.ts";

/** A sentence of the hay. */
function straw(random: Random): string {
  const who = random.pick(people);
  const place = random.pick(places);
  const animal = random.pick(animals);
  return random.pick([
    ` ${who} went to the ${place}.`,
    ` The ${animal} slept near the ${place}.`,
    ` ${who} ate some ${random.pick(foods)}.`,
    ` ${who} fed the ${animal}.`,
    ` The ${random.pick(weather)} was cold.`,
    ` ${who} looked at the ${animal} for a long time.`,
  ]);
}

/** Straw of exactly 3, 4 or 5 tokens, to fill the last gap. */
const fillers: Record<number, (random: Random) => string> = {
  3: (r) => ` ${r.pick(people)} slept.`,
  4: (r) => ` ${r.pick(people)} was happy.`,
  5: (r) => ` The ${r.pick(animals)} was happy.`,
};

/** Sentences of exactly `n` tokens in all. Throws `bad-param` for 1 and 2. */
export function hay(random: Random, n: number): string[] {
  if (n === 1 || n === 2)
    throw new LabError("bad-param", `hay: no sentence has ${n} tokens; 0 or at least 3 are possible.`);
  const out: string[] = [];
  let left = n;
  while (left > 13) {
    const s = straw(random);
    out.push(s);
    left -= countPieces(s);
  }
  while (left > 0) {
    const size = left <= 5 ? left : left - 5 >= 3 ? 5 : left - 4 >= 3 ? 4 : 3;
    out.push(fillers[size]!(random));
    left -= size;
  }
  return out;
}

interface Secret {
  readonly who: string;
  readonly word: string;
}

const identity = (s: Secret): string => `secret|${s.who}|${s.word}`;
const draw = (random: Random): Secret => ({ who: random.pick(people), word: random.pick(recallWords) });
const plant = (s: Secret): string => ` The secret word of ${s.who} is ${s.word}.`;
const question = (s: Secret): string =>
  `\nQuestion: What is the secret word of ${s.who}?\nAnswer: The secret word of ${s.who} is`;
const opening = "Read this.";

/** One sentence that matters in a text of any length. */
export const needleTask: Task = Object.freeze<Task>({
  id: "needle",
  title: "Needle in hay",
  about:
    "A secret word is told once, somewhere in a text of any wished length, then asked. Judged by exact match.",
  example(random, split, options = {}) {
    const secret = drawInSplit(random, split, draw, identity);
    const fixed = 1 + countPieces(opening + plant(secret) + question(secret)) + 2 + 1;
    const length = options.length ?? fixed + 3 + random.int(200);
    if (length !== fixed && length < fixed + 3) {
      throw new LabError(
        "bad-param",
        `needle: length ${length} is too short; ${fixed} or at least ${fixed + 3} is possible.`,
      );
    }
    const straws = hay(random, length - fixed);
    const at =
      options.depth === undefined
        ? random.int(straws.length + 1)
        : Math.min(straws.length, Math.round(options.depth * straws.length));
    const text = [...straws.slice(0, at), plant(secret), ...straws.slice(at)].join("");
    return {
      task: "needle",
      split,
      prompt: opening + text + question(secret),
      completion: ` ${secret.word}.`,
      meta: {
        identity: identity(secret),
        who: secret.who,
        word: secret.word,
        length,
        at,
        nSentences: straws.length + 1,
      },
    };
  },
  verify: (example, output) => exact(output.split(".")[0] + ".", example.completion),
  document(random, split, budget) {
    const nSecrets = 1 + random.int(5);
    const names = random.sample(people, nSecrets);
    const secrets = names.map((who) =>
      drawInSplit(random, split, (r) => ({ who, word: r.pick(recallWords) }), identity),
    );
    const room = budget - secrets.length * (9 + 22) - 6;
    const straws = hay(random, Math.max(3, Math.floor(room * (0.2 + 0.8 * random.next()))));
    const parts: string[] = straws.slice();
    for (const s of secrets) parts.splice(random.int(parts.length + 1), 0, plant(s));
    const segments: Segment[] = [{ text: opening + parts.join(""), loss: random.next() < 0.1 }];
    for (const s of random.shuffle(secrets)) {
      segments.push({ text: question(s), loss: false }, { text: ` ${s.word}.`, loss: true });
    }
    return segments;
  },
});
