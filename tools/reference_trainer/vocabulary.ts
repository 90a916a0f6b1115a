/** Prints `lab/world/vocabulary.ts`: every word piece that the tasks write, in order of code units. */
import { Random } from "../../lib/random.ts";
import { exampleAt } from "../../lab/world/examples.ts";
import * as lexicon from "../../lab/world/lexicon.ts";
import { pieces } from "../../lab/world/pretokenize.ts";
import { tasks } from "../../lab/world/registry.ts";
import { splits } from "../../lab/world/types.ts";

const nExamples = 4000;
const found = new Set<string>();
const add = (text: string): void => {
  for (const piece of pieces(text))
    if (/[A-Za-z]{2}|^ [aAI]$|'s/.test(piece) && !/^ ?[A-Z]{2,}$/.test(piece)) found.add(piece);
};
for (const word of [...lexicon.recallWords, ...lexicon.people, ...lexicon.reserved]) add(` ${word}`);
for (const word of [...lexicon.people, ...lexicon.reservedOpenings]) add(word);
for (const task of tasks) {
  for (let i = 0; i < nExamples; i++) {
    for (const split of splits) {
      const e = exampleAt(task, split, 1, i);
      add(e.prompt);
      add(e.completion);
    }
    for (const segment of task.document(new Random(1, `vocabulary|${task.id}|${i}`), "train", 256))
      add(segment.text);
  }
}
const sorted = [...found].sort();
const lines: string[] = [];
let line = "";
for (const word of sorted) {
  const item = JSON.stringify(word) + ", ";
  if (line.length + item.length > 116) {
    lines.push(line.trimEnd());
    line = "";
  }
  line += item;
}
lines.push(line.trimEnd());
console.log(`/**
 * The word pieces of the world, frozen: printed by tools/reference_trainer/vocabulary.ts and checked by a test.
 * A new word is a new vocabulary and needs new models.
 */
// prettier-ignore
export const vocabulary: readonly string[] = Object.freeze([
${lines.map((l) => "  " + l).join("\n")}
]);`);
