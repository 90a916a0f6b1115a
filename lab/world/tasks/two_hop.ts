import type { Random } from "../../../lib/random.ts";
import { scene, type Fact } from "../facts.ts";
import { neverToldTwo, twoHop } from "../questions.ts";
import type { Split, Task } from "../types.ts";
import { exact } from "../verdicts.ts";
import { questionDocument, questionExample } from "./answering.ts";

function sceneWithChain(random: Random, split: Split, nFacts: number): Fact[] {
  for (;;) {
    const facts = scene(random, split, nFacts);
    if (twoHop(facts).length > 0) return facts;
  }
}

/** Questions that need two told facts ("Where does the sister of Tom live?"); every fourth was never told. */
export const twoHopTask: Task = Object.freeze<Task>({
  id: "two-hop",
  title: "Two-hop questions",
  about:
    "A few told facts, then a question that needs two of them, or one that was never told. Judged by exact match.",
  example(random, split) {
    const facts = sceneWithChain(random, split, 5 + random.int(7));
    const question = random.next() < 0.25 ? neverToldTwo(random, facts) : random.pick(twoHop(facts));
    return questionExample("two-hop", split, facts, question, random.next() < 0.6 ? "sentence" : "short");
  },
  verify: (example, output) => exact(output, example.completion),
  document: (random, split, budget) =>
    questionDocument(random, split, budget, (facts) => {
      const told = random.shuffle(twoHop(facts)).slice(0, 10);
      if (told.length === 0) return [neverToldTwo(random, facts)];
      const nUnknown = Math.ceil(told.length / 4);
      return [...told, ...Array.from({ length: nUnknown }, () => neverToldTwo(random, facts))];
    }),
});
