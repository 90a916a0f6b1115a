import { Random } from "../../lib/random.ts";
import { tasks } from "./registry.ts";
import type { Example, ExampleOptions, Split, Task } from "./types.ts";

/** Example number `index` of a task's split: a pure function of its arguments. */
export function exampleAt(
  task: Task,
  split: Split,
  seed: number,
  index: number,
  options?: ExampleOptions,
): Example {
  return task.example(new Random(seed, `${task.id}|${split}|${index}`), split, options);
}

/** The first `n` examples of a task's split. */
export function examplesOf(
  task: Task,
  split: Split,
  seed: number,
  n: number,
  options?: ExampleOptions,
): Example[] {
  return Array.from({ length: n }, (_, i) => exampleAt(task, split, seed, i, options));
}

/** JSON with sorted keys: equal data gives equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of a text or of bytes, in hexadecimal. */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const digest = await globalThis.crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * The hash of the world's data at a seed: SHA-256 over the canonical JSON of the first `n` examples of every split of
 * every task. Any change of words, templates, splits or random streams changes it.
 */
export async function dataHash(seed: number, n = 64): Promise<string> {
  const text = tasks
    .flatMap((task) =>
      (["train", "validation", "test"] as const).flatMap((split) => examplesOf(task, split, seed, n)),
    )
    .map(canonical)
    .join("\n");
  return sha256(text);
}
