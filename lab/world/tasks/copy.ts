import { recallWords } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";
import { exact } from "../verdicts.ts";

const identity = (words: readonly string[]): string => `copy|${words.join(" ")}`;

/** Random words once more, in the same order: what an induction circuit does and nothing else. */
export const copyTask: Task = Object.freeze<Task>({
  id: "copy",
  title: "Copying",
  about: "A row of random words is to be said again. Judged by exact match of the whole row.",
  example(random, split, options = {}) {
    const n =
      options.length === undefined ? 4 + random.int(21) : Math.max(1, Math.floor((options.length - 8) / 2));
    const words = drawInSplit(
      random,
      split,
      (r) => Array.from({ length: n }, () => r.pick(recallWords)),
      identity,
    );
    const row = words.map((w) => ` ${w}`).join("");
    return {
      task: "copy",
      split,
      prompt: `Words:${row}. Again:`,
      completion: `${row}.`,
      meta: { identity: identity(words), nWords: n },
    };
  },
  verify: (example, output) => exact(output.split(".")[0] + ".", example.completion),
  document(random, split, budget) {
    const length = Math.max(12, Math.floor(budget * (0.4 + 0.6 * random.next())));
    const { prompt, completion } = copyTask.example(random, split, { length });
    return [
      { text: prompt, loss: false },
      { text: completion, loss: true },
    ];
  },
});
