/** Things to try: from the toy world for the models trained on it, plain openings for all others. */
import { exampleAt } from "../../lab/world/examples.ts";
import { taskOf } from "../../lab/world/registry.ts";
import { isWorldModel } from "../store/models.ts";
import type { TaskId } from "../../lab/world/types.ts";

export interface Suggestion {
  readonly label: string;
  /** The n-th prompt of its kind; pressing again gives another. */
  readonly prompt: (n: number) => string;
}

const worldTasks: readonly (readonly [TaskId, string])[] = [
  ["stories", "Tell a story"],
  ["single-hop", "Answer a question"],
  ["two-hop", "Put two facts together"],
  ["addition", "Add two numbers"],
  ["key-value", "Recall a word"],
  ["sentiment", "Name a feeling"],
  ["instructions", "Follow an instruction"],
];

const plainPrompts: readonly (readonly [string, string])[] = [
  ["Tell a story", "Once upon a time, there was a little girl named Lily."],
  ["Know a fact", "The capital of France is"],
  ["Count", "1, 2, 3, 4, 5,"],
  ["See the pattern", "hot cold, big small, day"],
];

export function suggestionsFor(ref: string): readonly Suggestion[] {
  if (!isWorldModel(ref)) return plainPrompts.map(([label, prompt]) => ({ label, prompt: () => prompt }));
  return worldTasks.map(([id, label]) => ({
    label,
    prompt: (n) => exampleAt(taskOf(id), "test", 1, n).prompt,
  }));
}
