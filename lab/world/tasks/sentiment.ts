import type { Random } from "../../../lib/random.ts";
import { objects, people, places, possessive } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";
import { exact } from "../verdicts.ts";

const good = ["happy", "glad", "proud", "calm"] as const;
const bad = ["sad", "angry", "afraid", "upset"] as const;
const goodThings = ["lovely", "great", "fine", "nice"] as const;
const badThings = ["awful", "broken", "ugly", "dirty"] as const;

interface Item {
  readonly text: string;
  readonly label: "good" | "bad";
}

function draw(random: Random): Item {
  const label = random.next() < 0.5 ? "good" : "bad";
  const who = random.pick(people);
  const thing = random.pick(objects);
  const place = random.pick(places);
  const feel = random.pick(label === "good" ? good : bad);
  const quality = random.pick(label === "good" ? goodThings : badThings);
  const text = random.pick([
    `${who} was ${feel} at the ${place}.`,
    `${who} felt ${feel} about the ${thing}.`,
    `The ${thing} of ${who} was ${quality}.`,
    `${who} said that the ${place} was ${quality}.`,
    `At the ${place}, ${who} was ${feel} with ${possessive(who)} ${quality} ${thing}.`,
    `${who} ${label === "good" ? "loved" : "hated"} the ${thing} at the ${place}.`,
  ]);
  return { text, label };
}

const identity = (item: Item): string => `sentiment|${item.text}`;

/** Is the sentence good or bad? One word decides: the easy classification. */
export const sentimentTask: Task = Object.freeze<Task>({
  id: "sentiment",
  title: "Classification, easy: feeling",
  about: "A sentence is good or bad; a single word tells. Judged by exact match.",
  example(random, split) {
    const item = drawInSplit(random, split, draw, identity);
    return {
      task: "sentiment",
      split,
      prompt: `Text: ${item.text}\nFeeling:`,
      completion: ` ${item.label}.`,
      meta: { identity: identity(item), text: item.text, label: item.label, labels: ["good", "bad"] },
    };
  },
  verify: (example, output) => exact(output, example.completion),
  document(random, split) {
    const { prompt, completion } = sentimentTask.example(random, split);
    return [
      { text: prompt, loss: random.next() < 0.15 },
      { text: completion, loss: true },
    ];
  },
});
