import type { Random } from "../../../lib/random.ts";
import { animals, capital, foods, objects, people, places, weather } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";
import { exact } from "../verdicts.ts";

export const topics = ["animals", "food", "weather", "work", "money"] as const;
type Topic = (typeof topics)[number];

function sentence(random: Random, topic: Topic): string {
  const who = random.pick(people);
  const place = random.pick(places);
  switch (topic) {
    case "animals": {
      const animal = random.pick(animals);
      return random.pick([
        `The ${animal} ran to the ${place}.`,
        `${who} fed the ${animal}.`,
        `A ${animal} slept near the ${place}.`,
      ]);
    }
    case "food": {
      const food = random.pick(foods);
      return random.pick([
        `${who} ate some ${food}.`,
        `The ${food} was warm and sweet.`,
        `${who} made ${food} at the ${place}.`,
      ]);
    }
    case "weather": {
      const sky = random.pick(weather);
      return random.pick([
        `${capital(sky)} came over the ${place}.`,
        `${who} looked at the ${sky}.`,
        `The ${sky} was cold near the ${place}.`,
      ]);
    }
    case "work": {
      const thing = random.pick(objects);
      return random.pick([
        `${who} worked at the ${place}.`,
        `${who} fixed the ${thing}.`,
        `${who} cleaned the ${place} all day.`,
      ]);
    }
    case "money": {
      const n = 2 + random.int(58);
      return random.pick([
        `${who} paid ${n} coins.`,
        `The ${random.pick(objects)} costs ${n} coins.`,
        `${who} saved ${n} coins at the ${place}.`,
      ]);
    }
  }
}

interface Item {
  readonly text: string;
  readonly label: Topic;
  readonly other: Topic;
}

/** Two or three sentences of one topic and one of another, in any order: the majority is the topic. */
function draw(random: Random): Item {
  const [label, other] = random.sample(topics, 2) as [Topic, Topic];
  const nMain = 2 + random.int(2);
  const parts = Array.from({ length: nMain }, () => sentence(random, label));
  parts.push(sentence(random, other));
  return { text: random.shuffle(parts).join(" "), label, other };
}

const identity = (item: Item): string => `topic|${item.text}`;

/** What is most of the text about? The middle classification: one sentence leads astray. */
export const topicTask: Task = Object.freeze<Task>({
  id: "topic",
  title: "Classification, middle: topic",
  about: "Three or four sentences, all but one about the same topic of five. Judged by exact match.",
  example(random, split) {
    const item = drawInSplit(random, split, draw, identity);
    return {
      task: "topic",
      split,
      prompt: `Text: ${item.text}\nTopic:`,
      completion: ` ${item.label}.`,
      meta: {
        identity: identity(item),
        text: item.text,
        label: item.label,
        other: item.other,
        labels: topics,
      },
    };
  },
  verify: (example, output) => exact(output, example.completion),
  document(random, split) {
    const { prompt, completion } = topicTask.example(random, split);
    return [
      { text: prompt, loss: random.next() < 0.15 },
      { text: completion, loss: true },
    ];
  },
});
