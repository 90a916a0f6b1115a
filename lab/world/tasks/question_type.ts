import type { Random } from "../../../lib/random.ts";
import { animals, colors, foods, objects, people, places } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";
import { exact } from "../verdicts.ts";

export const questionTypes = ["person", "place", "thing", "number", "color", "yes or no"] as const;
type Type = (typeof questionTypes)[number];

function phrase(random: Random, type: Type): string {
  const who = random.pick(people);
  const thing = random.pick(objects);
  const place = random.pick(places);
  const animal = random.pick(animals);
  switch (type) {
    case "person":
      return random.pick([
        `who has the ${thing}`,
        `whose ${thing} is at the ${place}`,
        `the name of the one who fed the ${animal}`,
        `which child went to the ${place}`,
      ]);
    case "place":
      return random.pick([
        `where ${who} left the ${thing}`,
        `at which spot the ${animal} sleeps`,
        `the way to the ${place}`,
        `where ${who} lives`,
      ]);
    case "thing":
      return random.pick([
        `what ${who} has`,
        `which toy ${who} took to the ${place}`,
        `what lies near the ${place}`,
        `the thing that ${who} lost`,
      ]);
    case "number":
      return random.pick([
        `how many coins ${who} has`,
        `the price of the ${thing}`,
        `how old ${who} is`,
        `how much the ${random.pick(foods)} costs`,
      ]);
    case "color":
      return random.pick([
        `the color of the ${thing}`,
        `how ${who} painted the ${thing}`,
        `which color the ${place} has`,
        `the color that ${who} likes`,
      ]);
    case "yes or no":
      return random.pick([
        `if ${who} has the ${thing}`,
        `if the ${thing} is ${random.pick(colors)}`,
        `if the ${animal} can swim`,
        `if ${who} went to the ${place}`,
      ]);
  }
}

interface Item {
  readonly text: string;
  readonly label: Type;
}

/** The asked thing is wrapped in talk that names another kind of question. */
function draw(random: Random): Item {
  const [label, other] = random.sample(questionTypes, 2) as [Type, Type];
  const [a, b] = random.sample(people, 2) as [string, string];
  const wanted = phrase(random, label);
  const decoy = phrase(random, other);
  const text = random.pick([
    `${a} knows ${decoy}, but asks ${wanted}.`,
    `${a} wants to know ${wanted}, not ${decoy}.`,
    `${b} told ${a} ${decoy}. Now ${a} asks ${wanted}.`,
    `${a} did not ask ${decoy}. ${a} asked ${wanted}.`,
    `Tell me ${wanted}. I know ${decoy}.`,
  ]);
  return { text, label };
}

const identity = (item: Item): string => `question-type|${item.text}`;

/** What kind of answer is wanted? The hard classification: a second question in the text is not the one asked. */
export const questionTypeTask: Task = Object.freeze<Task>({
  id: "question-type",
  title: "Classification, hard: question type",
  about:
    "Two questions are named, one is asked; what kind of answer does it want, of six? Judged by exact match.",
  example(random, split) {
    const item = drawInSplit(random, split, draw, identity);
    return {
      task: "question-type",
      split,
      prompt: `Text: ${item.text}\nWanted:`,
      completion: ` ${item.label}.`,
      meta: { identity: identity(item), text: item.text, label: item.label, labels: questionTypes },
    };
  },
  verify: (example, output) => exact(output, example.completion),
  document(random, split) {
    const { prompt, completion } = questionTypeTask.example(random, split);
    return [
      { text: prompt, loss: random.next() < 0.15 },
      { text: completion, loss: true },
    ];
  },
});
