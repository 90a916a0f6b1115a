import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";
import { accept, firstLine, reject } from "../verdicts.ts";

/** The written steps of a + b for two-digit numbers: units, carry, tens, sum. */
export function steps(a: number, b: number): string {
  const units = (a % 10) + (b % 10);
  const carry = units >= 10 ? 1 : 0;
  const tens = Math.floor(a / 10) + Math.floor(b / 10) + carry;
  return (
    ` ${a % 10}+${b % 10}=${units}, write ${units % 10}, carry ${carry}. ` +
    `${Math.floor(a / 10)}+${Math.floor(b / 10)}+${carry}=${tens}. So ${a}+${b}=${a + b}.`
  );
}

const ways = [
  (a: number, b: number) => `Question: What is ${a}+${b}?\nAnswer:`,
  (a: number, b: number) => `Question: How much is ${a}+${b}?\nAnswer:`,
  (a: number, b: number) => `Question: Add ${a} and ${b}.\nAnswer:`,
] as const;

/** The order of the summands does not make a new item. */
const identity = ([a, b]: readonly [number, number]): string => `sum|${Math.min(a, b)}|${Math.max(a, b)}`;

/** Two-digit addition with the carry written out. */
export const additionTask: Task = Object.freeze<Task>({
  id: "addition",
  title: "Addition with written steps",
  about:
    "Two two-digit numbers are added, the carry written out. Judged by the last sum; every written equation must be true.",
  example(random, split) {
    const [a, b] = drawInSplit(random, split, (r) => [10 + r.int(90), 10 + r.int(90)] as const, identity);
    return {
      task: "addition",
      split,
      prompt: random.pick(ways)(a, b),
      completion: steps(a, b),
      meta: { identity: identity([a, b]), a, b, sum: a + b, carries: (a % 10) + (b % 10) >= 10 },
    };
  },
  verify(example, output) {
    const line = firstLine(output);
    for (const [text, sum, total] of line.matchAll(/((?:\d+\+)+\d+)=(\d+)/g)) {
      const value = sum!.split("+").reduce((s, n) => s + Number(n), 0);
      if (value !== Number(total)) return reject(`The step ${text} is wrong: it is ${value}.`);
    }
    const last = /=(\d+)\.$/.exec(line);
    if (last === null) return reject("The answer does not end with a sum.");
    return Number(last[1]) === example.meta["sum"]
      ? accept(`The sum ${last[1]} is right.`)
      : reject(`The sum should be ${String(example.meta["sum"])}, got ${last[1]}.`);
  },
  document(random, split) {
    const { prompt, completion } = additionTask.example(random, split);
    return [
      { text: prompt, loss: false },
      { text: completion, loss: true },
    ];
  },
});
