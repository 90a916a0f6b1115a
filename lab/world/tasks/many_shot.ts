import type { Random } from "../../../lib/random.ts";
import { animals, body, colors, foods, house, nature, objects, places, plants, weather } from "../lexicon.ts";
import { drawInSplit, splitOf } from "../splits.ts";
import type { Segment, Split, Task } from "../types.ts";
import { exact } from "../verdicts.ts";

const classes = { animals, foods, places, objects, plants, weather, body, house, nature } as const;
type ClassName = keyof typeof classes;
const classNames = Object.keys(classes) as ClassName[];

interface Shot {
  readonly word: string;
  readonly label: string;
}

const identity = (s: Shot): string => `shot|${s.word}|${s.label}`;
const line = (s: Shot): string => ` ${s.word} is ${s.label}.`;

/** Two to four kinds of words, each with a colour as its made-up label for this text only. */
function drawRule(random: Random): { names: ClassName[]; labels: string[] } {
  const k = 2 + random.int(3);
  return { names: random.sample(classNames, k), labels: random.sample(colors, k) };
}

function drawShot(random: Random, split: Split, rule: { names: ClassName[]; labels: string[] }): Shot {
  return drawInSplit(
    random,
    split,
    (r) => {
      const i = r.int(rule.names.length);
      return { word: r.pick(classes[rule.names[i]!]), label: rule.labels[i]! };
    },
    identity,
  );
}

/**
 * Puts one pair of the held-out split among the shots, in place of another, and returns it. The held-out pair is shown,
 * not asked: a model that had learned by heart which pairs training never holds would be sure of a wrong answer.
 */
function plantHeldOut(random: Random, split: Split, pairs: readonly Shot[], shots: Shot[]): Shot | undefined {
  const held = pairs.filter((c) => splitOf(identity(c)) === split);
  if (held.length === 0) return undefined;
  const planted = random.pick(held);
  shots[random.int(shots.length)] = planted;
  return planted;
}

/** Labels are made up for each text; the shots tell the rule, and a new word of a known kind is asked. */
export const manyShotTask: Task = Object.freeze<Task>({
  id: "many-shot",
  title: "Many-shot labelling",
  about:
    "Words are labelled by a rule that holds in this text only; a word not yet seen in it is asked. Judged by exact match.",
  example(random, split, options = {}) {
    for (;;) {
      const rule = drawRule(random);
      const nShots =
        options.length === undefined ? 6 + random.int(27) : Math.max(2, Math.floor((options.length - 9) / 4));
      const shots = Array.from({ length: nShots }, () => drawShot(random, "train", rule));
      const pairs = rule.names.flatMap((name, i) =>
        classes[name].map((word) => ({ word, label: rule.labels[i]! })),
      );
      const held = split === "train" ? undefined : plantHeldOut(random, split, pairs, shots);
      if (split !== "train" && held === undefined) continue;
      const askable = pairs.filter(
        (c) =>
          splitOf(identity(c)) === "train" &&
          shots.some((s) => s.label === c.label) &&
          !shots.some((s) => s.word === c.word) &&
          (held === undefined || c.label === held.label),
      );
      if (askable.length === 0) continue;
      const asked = random.pick(askable);
      return {
        task: "many-shot",
        split,
        prompt: `Labels:${shots.map(line).join("")} ${asked.word} is`,
        completion: ` ${asked.label}.`,
        meta: {
          identity: identity(held ?? asked),
          word: asked.word,
          label: asked.label,
          labels: rule.labels,
          nShots,
        },
      };
    }
  },
  verify: (example, output) => exact(output.split(".")[0] + ".", example.completion),
  document(random, split, budget) {
    const rule = drawRule(random);
    const n = Math.max(6, Math.min(100, Math.floor(((budget - 4) * (0.5 + 0.5 * random.next())) / 4)));
    const seen = new Set<string>();
    const segments: Segment[] = [{ text: "Labels:", loss: false }];
    for (let i = 0; i < n; i++) {
      const shot = drawShot(random, split, rule);
      segments.push(
        { text: ` ${shot.word} is`, loss: false },
        { text: ` ${shot.label}`, loss: seen.has(shot.label) },
        { text: ".", loss: false },
      );
      seen.add(shot.label);
    }
    return segments;
  },
});
