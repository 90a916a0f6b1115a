/** What is measured for a model card: tasks, some of them at a fixed length. */
import { examplesOf } from "../../lab/world/examples.ts";
import { taskOf, tasks } from "../../lab/world/registry.ts";
import type { Example, Split, TaskId } from "../../lab/world/types.ts";

/** Seed of the examples that models are judged by: drawn once the training was over, never looked at while it ran. */
export const evaluationSeed = 4242;

/** Names of the measured skills with their task and, for recall, the exact length in tokens. */
export const skills: readonly { readonly skill: string; readonly task: TaskId; readonly length?: number }[] =
  [
    ...tasks.map((t) => ({ skill: t.id, task: t.id })),
    { skill: "key-value at 128", task: "key-value", length: 128 },
    { skill: "key-value at 256", task: "key-value", length: 256 },
    { skill: "key-value at 512", task: "key-value", length: 512 },
    { skill: "needle at 128", task: "needle", length: 128 },
    { skill: "needle at 512", task: "needle", length: 512 },
  ];

/** The examples of a skill; equal for equal arguments. */
export function skillExamples(skill: (typeof skills)[number], split: Split, n: number): Example[] {
  const options = skill.length === undefined ? undefined : { length: skill.length };
  return examplesOf(taskOf(skill.task), split, evaluationSeed, n, options);
}

export function evaluationSet(split: Split, n: number, encode: (text: string) => number[]): object[] {
  return skills.map((s) => ({
    skill: s.skill,
    items: skillExamples(s, split, n).map((e) => ({
      prompt: encode(e.prompt),
      completion: encode(e.completion),
    })),
  }));
}
