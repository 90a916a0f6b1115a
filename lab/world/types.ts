import type { Random } from "../../lib/random.ts";

export const splits = ["train", "validation", "test"] as const;
export type Split = (typeof splits)[number];

export const taskIds = [
  "stories",
  "single-hop",
  "two-hop",
  "addition",
  "sentiment",
  "topic",
  "question-type",
  "key-value",
  "needle",
  "copy",
  "many-shot",
  "instructions",
] as const;
export type TaskId = (typeof taskIds)[number];

/** A plain JSON value: what an example may keep beside its text. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One item of a task as data. A model reads `prompt` and should write `completion`. */
export interface Example {
  readonly task: TaskId;
  readonly split: Split;
  readonly prompt: string;
  /** The gold answer, from the space after the prompt up to, not including, the end token. */
  readonly completion: string;
  /** What the verifier and the experiments need to know: the identity of the item, flags, answers. */
  readonly meta: { readonly identity: string; readonly [key: string]: Json };
}

/** What a verifier says of one output, with the reason in words. */
export interface Verdict {
  readonly ok: boolean;
  readonly why: string;
}

/** A run of training text; `loss` says whether its tokens count as targets. */
export interface Segment {
  readonly text: string;
  readonly loss: boolean;
}

/** How an example should be made; what a task has no use for it ignores. */
export interface ExampleOptions {
  /** Tokens of `<bos>` + prompt + completion + `<eos>`; exact for `key-value` and `needle`, at most this elsewhere. */
  readonly length?: number;
  /** Where the needle or the asked pair lies in its context: 0 start, 1 end. */
  readonly depth?: number;
}

/** One task of the toy world: a seeded source of examples and a judge of outputs. */
export interface Task {
  readonly id: TaskId;
  readonly title: string;
  /** What is asked and how it is judged, for a reader of the data page. */
  readonly about: string;
  /** Draws one example of the split. */
  example(random: Random, split: Split, options?: ExampleOptions): Example;
  /** Judges a model's output for an example: exact where there is one answer, by constraint elsewhere. */
  verify(example: Example, output: string): Verdict;
  /**
   * One training document of at most about `budget` tokens, with many loss-carrying places where the task
   * allows several questions over one context.
   */
  document(random: Random, split: Split, budget: number): Segment[];
}
