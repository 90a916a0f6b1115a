import { scene } from "../facts.ts";
import { neverToldSingle, singleHop } from "../questions.ts";
import type { Task } from "../types.ts";
import { exact } from "../verdicts.ts";
import { questionDocument, questionExample } from "./answering.ts";

/** Questions that one told fact answers; every fourth was never told and wants "I do not know." */
export const singleHopTask: Task = Object.freeze<Task>({
  id: "single-hop",
  title: "Single-hop questions",
  about:
    "A few told facts, then a question about one of them, or about something never told. Judged by exact match.",
  example(random, split) {
    const facts = scene(random, split, 4 + random.int(8));
    const question =
      random.next() < 0.25 || facts.length === 0
        ? neverToldSingle(random, facts)
        : random.pick(singleHop(random.pick(facts)));
    return questionExample("single-hop", split, facts, question, random.next() < 0.6 ? "sentence" : "short");
  },
  verify: (example, output) => exact(output, example.completion),
  document: (random, split, budget) =>
    questionDocument(random, split, budget, (facts) => {
      const told = facts.map((f) => random.pick(singleHop(f)));
      const nUnknown = Math.ceil(told.length / 4);
      return [...told, ...Array.from({ length: nUnknown }, () => neverToldSingle(random, facts))];
    }),
});
