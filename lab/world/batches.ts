import { Random } from "../../lib/random.ts";
import { taskOf } from "./registry.ts";
import { phaseAt, type Phase, type Recipe } from "./recipe.ts";
import { bosId, encode, eosId } from "./tokenizer.ts";
import type { Segment, Task, TaskId } from "./types.ts";

/** One optimiser step's data, row-major [B,T]. `mask` is 1 where the token itself counts as a target (never at t = 0). */
export interface Batch {
  readonly rows: number;
  readonly length: number;
  readonly ids: Uint16Array<ArrayBuffer>;
  readonly mask: Uint8Array<ArrayBuffer>;
}

/** About how many tokens a document of each task takes; the tasks of `scaling` grow with the room they are given. */
const typicalLength: Record<TaskId, number> = {
  stories: 105,
  "single-hop": 140,
  "two-hop": 150,
  addition: 50,
  sentiment: 17,
  topic: 32,
  "question-type": 27,
  "key-value": 256,
  needle: 200,
  copy: 160,
  "many-shot": 160,
  instructions: 32,
};
const scaling: readonly TaskId[] = ["single-hop", "two-hop", "key-value", "needle", "copy", "many-shot"];

/** Draws a task so that its documents take about the asked share of the tokens. */
function drawTask(random: Random, phase: Phase): TaskId {
  const weights = Object.entries(phase.mixture).map(([id, share]) => {
    const task = id as TaskId;
    const length = scaling.includes(task)
      ? (typicalLength[task] * phase.length) / 256
      : Math.min(typicalLength[task], phase.length * 0.8);
    return [task, share / length] as const;
  });
  let x = random.next() * weights.reduce((s, [, w]) => s + w, 0);
  for (const [task, w] of weights) {
    x -= w;
    if (x < 0) return task;
  }
  return weights[weights.length - 1]![0];
}

/** One example and no more, so that a model also learns to stop after a single answer. */
function plainDocument(random: Random, task: Task, budget: number): Segment[] {
  const long = (task.id === "key-value" || task.id === "needle" || task.id === "many-shot") && budget >= 64;
  const { prompt, completion } = task.example(random, "train", long ? { length: budget } : {});
  return [
    { text: prompt, loss: false },
    { text: completion, loss: true },
  ];
}

/**
 * One row: documents, each `<bos>` … `<eos>`, packed until the row is full; the last is cut. Tokens see the documents
 * before theirs in the row (accepted: they are unrelated, and `<bos>` tells).
 */
function fillRow(random: Random, phase: Phase, ids: Uint16Array, mask: Uint8Array): void {
  let at = 0;
  const put = (id: number, counts: boolean): void => {
    if (at >= ids.length) return;
    ids[at] = id;
    mask[at] = counts && at > 0 ? 1 : 0;
    at++;
  };
  while (at < ids.length) {
    const room = ids.length - at - 2;
    const task = taskOf(drawTask(random, phase));
    const budget =
      random.next() < 0.5 ? room : Math.max(Math.min(room, 48), Math.floor(room * random.next()));
    const isPlain = phase.plain !== undefined && random.next() < phase.plain;
    const segments = isPlain
      ? plainDocument(random, task, budget)
      : task.document(random, "train", Math.max(24, budget));
    put(bosId, false);
    for (const segment of segments) for (const id of encode(segment.text)) put(id, segment.loss);
    put(eosId, true);
  }
}

/** The batch of an optimiser step: a pure function of the recipe's seed, its phase and the step. */
export function batchAt(recipe: Recipe, step: number): Batch {
  const phase = phaseAt(recipe, step);
  const { batch: rows, length } = phase;
  const ids = new Uint16Array(rows * length);
  const mask = new Uint8Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const random = new Random(recipe.seed, `batch|${step}|${row}`);
    fillRow(
      random,
      phase,
      ids.subarray(row * length, (row + 1) * length),
      mask.subarray(row * length, (row + 1) * length),
    );
  }
  return { rows, length, ids, mask };
}
