/**
 * A training run: steps, evaluations and checkpoints in order, as a generator of events. What is learnt at a step is
 * a pure function of the step, and checkpoints hold everything else, so a run that was stopped and resumed on the
 * same adapter gives the same bits as one that was not.
 */
import { z } from "zod";
import { constantSchedule, cosineSchedule, linearSchedule, wsdSchedule } from "../gpu/optim/schedules.ts";
import { LabError, throwIfCancelled } from "../lib/errors.ts";
import { Random } from "../lib/random.ts";
import { countTargets, type MaskedSequence, nextTokenBatch, type TrainBatch } from "../lm/batch.ts";
import type { FileSource } from "../lm/checkpoint/source.ts";
import { type CheckpointFiles, saveModel } from "../lm/save.ts";
import { lossAndGradients, Trainer, type TrainerOptions } from "../lm/train.ts";
import { restoreOptimizer, saveOptimizer } from "../lm/train_state.ts";
import type { Transformer } from "../lm/transformer.ts";
import { weightedLoss } from "../lm/weighted_loss.ts";
import { batchAt } from "./world/batches.ts";
import { learningRateAt, type Recipe, totalSteps } from "./world/recipe.ts";

/** What one step learns from. */
export interface StepBatches {
  /** Micro-batches, their weights sharing one normaliser. */
  readonly batches: readonly TrainBatch[];
  /** Tokens in them, padding not counted. */
  readonly nTokens: number;
}

/** What is learnt, step by step; every member is a pure function of the step. */
export interface TrainingPlan {
  readonly nSteps: number;
  readonly trainer: TrainerOptions;
  readonly batchesAt: (step: number) => StepBatches;
  readonly learningRateAt: (step: number) => number;
}

/** Where a run stands; with weights and optimiser state all that is needed to go on. */
export const progressSchema = z.strictObject({
  step: z.int().min(0).meta({ description: "Optimiser steps done." }),
  nTokens: z.int().min(0).meta({ description: "Tokens seen, padding not counted." }),
  seconds: z.number().min(0).meta({ description: "Time spent on steps, without compiling, evaluations and checkpoints." }),
  losses: z.array(z.number().nullable()).meta({ description: "Loss of every step; null where it was not finite." }),
  evals: z.array(z.strictObject({ step: z.int().min(0), loss: z.number().nullable() })).meta({
    description: "Loss on what was held out, after so many steps.",
  }),
});
export type TrainProgress = z.infer<typeof progressSchema>;

export type TrainEvent =
  | { readonly kind: "losses"; readonly step: number; readonly losses: readonly (number | null)[]; readonly tokensPerSecond: number }
  | { readonly kind: "eval"; readonly step: number; readonly loss: number | null }
  | { readonly kind: "checkpoint"; readonly step: number };

export interface TrainRunOptions {
  readonly plan: TrainingPlan;
  /** Sequences that are not learnt from; none is no evaluation. */
  readonly evaluation?: readonly MaskedSequence[];
  /** Evaluate before the first step, after every so many and after the last. 0 is never. */
  readonly evalEvery?: number;
  /** Save after every so many steps. 0 is at the end and on cancelling only. */
  readonly checkpointEvery?: number;
  /** Where an earlier run of the same plan stood; its weights are already in the model. */
  readonly from?: { readonly progress: TrainProgress; readonly optimizer: FileSource };
  /** Takes a checkpoint. Absent: nothing is saved. */
  readonly save?: (files: CheckpointFiles, progress: TrainProgress) => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  readonly progress: TrainProgress;
  /** Tokens per second of this run; compiling, evaluations and checkpoints not counted; 0 where it made no step. */
  readonly tokensPerSecond: number;
  readonly wasInterrupted: boolean;
}

/** Losses are fetched when this long has passed, so that the queue stays short and Stop is heard. */
const fetchEveryMs = 500;
/** Losses (one a micro-batch) that may wait on the device; the trainer keeps 1,024. */
const maxWaiting = 512;

/** Trains. A cancelled run stops between two steps, saves, and returns what it has. */
export async function* trainRun(model: Transformer, options: TrainRunOptions): AsyncGenerator<TrainEvent, TrainResult> {
  const { plan, evaluation = [], evalEvery = 0, checkpointEvery = 0, from, save, signal } = options;
  const progress: TrainProgress = structuredClone(from?.progress ?? { step: 0, nTokens: 0, seconds: 0, losses: [], evals: [] });
  const trainer = new Trainer(model, plan.trainer);
  const doesEvaluate = evalEvery > 0 && evaluation.length > 0;
  const isEvalDue = (): boolean =>
    doesEvaluate &&
    progress.evals.at(-1)?.step !== progress.step &&
    (progress.step % evalEvery === 0 || progress.step === plan.nSteps);
  let [nTokens, seconds, lastSaved] = [0, 0, from?.progress.step ?? -1];
  let [clock, waiting, nWaitingTokens] = [performance.now(), [] as number[], 0];

  /** Waits for the queued steps and adds them to the progress. */
  const fetch = async (): Promise<TrainEvent | undefined> => {
    if (waiting.length === 0) return undefined;
    const parts = await trainer.losses();
    const elapsed = (performance.now() - clock) / 1000;
    let at = 0;
    const losses = waiting.map((nBatches) => {
      const loss = parts.subarray(at, (at += nBatches)).reduce((sum, part) => sum + part, 0);
      return Number.isFinite(loss) ? loss : null;
    });
    progress.losses.push(...losses);
    progress.nTokens += nWaitingTokens;
    progress.seconds += elapsed;
    [nTokens, seconds] = [nTokens + nWaitingTokens, seconds + elapsed];
    const tokensPerSecond = nWaitingTokens / elapsed;
    [waiting, nWaitingTokens, clock] = [[], 0, performance.now()];
    return { kind: "losses", step: progress.step, losses, tokensPerSecond };
  };
  const saveNow = async (): Promise<TrainEvent | undefined> => {
    if (save === undefined || lastSaved === progress.step) return undefined;
    lastSaved = progress.step;
    const files = new Map(await saveModel(model));
    files.set("optimizer.safetensors", await saveOptimizer(model, trainer.optimizer));
    await save(files, progress);
    return { kind: "checkpoint", step: progress.step };
  };

  try {
    if (from !== undefined) await restoreOptimizer(model, trainer.optimizer, from.optimizer);
    for (;;) {
      const isEnd = signal?.aborted === true || progress.step >= plan.nSteps;
      const isSaveDue = checkpointEvery > 0 && progress.step % checkpointEvery === 0 && progress.step > 0;
      const isFetchDue = performance.now() - clock > fetchEveryMs || waiting.reduce((a, b) => a + b, 0) >= maxWaiting;
      if (isEnd || isSaveDue || isFetchDue || isEvalDue()) {
        const fetched = await fetch();
        if (fetched) yield fetched;
        if (isEvalDue() && signal?.aborted !== true) {
          const loss = finiteOrNull(await meanLoss(model, evaluation));
          progress.evals.push({ step: progress.step, loss });
          yield { kind: "eval", step: progress.step, loss };
        }
        const saved = isEnd || isSaveDue ? await saveNow() : undefined;
        if (saved) yield saved;
        clock = performance.now();
        if (isEnd) break;
      }
      const { batches, nTokens: nNew } = plan.batchesAt(progress.step);
      const isNewShape = batches.some(({ rows, length }) => trainer.dispatchesPerStep(rows, length) === undefined);
      const before = performance.now();
      await trainer.step(batches, plan.learningRateAt(progress.step));
      // A shape met for the first time is compiled now, once; that says nothing about speed.
      if (isNewShape) clock += performance.now() - before;
      waiting.push(batches.length);
      nWaitingTokens += nNew;
      progress.step++;
    }
    const tokensPerSecond = seconds > 0 ? nTokens / seconds : 0;
    return { progress, tokensPerSecond, wasInterrupted: progress.step < plan.nSteps };
  } finally {
    trainer.dispose();
  }
}

const finiteOrNull = (x: number): number | null => (Number.isFinite(x) ? x : null);

/** Tokens of one forward pass of `meanLoss` and `meanGradients`, padding included, at most. */
const maxPassTokens = 4096;

/** Mean nll over all targets of the sequences, however many there are. In nats; throws `cancelled`, `bad-param` without a target. */
export async function meanLoss(
  model: Transformer,
  sequences: readonly MaskedSequence[],
  signal?: AbortSignal,
): Promise<number> {
  let loss = 0;
  for (const batch of passes(sequences, model.config.nCtx)) {
    throwIfCancelled(signal);
    loss += await weightedLoss(model, batch);
  }
  return loss;
}

/** `meanLoss` and its gradient by tensor of the checkpoint; passes are added up in float64. */
export async function meanGradients(
  model: Transformer,
  sequences: readonly MaskedSequence[],
  signal?: AbortSignal,
): Promise<{ loss: number; gradients: ReadonlyMap<string, Float64Array> }> {
  let loss = 0;
  const sums = new Map<string, Float64Array>();
  for (const batch of passes(sequences, model.config.nCtx)) {
    throwIfCancelled(signal);
    const part = await lossAndGradients(model, batch);
    loss += part.loss;
    for (const [name, values] of part.gradients) {
      const sum = sums.get(name);
      if (sum === undefined) sums.set(name, Float64Array.from(values));
      else for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
    }
  }
  return { loss, gradients: sums };
}

function passes(sequences: readonly MaskedSequence[], nCtx: number): TrainBatch[] {
  const nTargets = countTargets(sequences);
  const batches: TrainBatch[] = [];
  for (let first = 0; first < sequences.length;) {
    let [end, length] = [first, 0];
    while (end < sequences.length) {
      const longer = Math.max(length, paddedLength(sequences[end]!.ids.length, nCtx));
      if (end > first && longer * (end + 1 - first) > maxPassTokens) break;
      [end, length] = [end + 1, longer];
    }
    batches.push(paddedBatch(sequences.slice(first, end), nTargets, nCtx));
    first = end;
  }
  return batches;
}

/**
 * Lengths that batches are padded to: two an octave (16, 24, 32, 48 …), at most the context. Each shape is a plan of
 * its own, so they should be few; padding behind a sequence changes nothing that is looked at.
 */
export function paddedLength(length: number, nCtx: number): number {
  let octave = 16;
  while (octave * 2 <= length) octave *= 2;
  const padded = [octave, 1.5 * octave, 2 * octave].find((candidate) => candidate >= length)!;
  return Math.max(length, Math.min(padded, nCtx));
}

function paddedBatch(sequences: readonly MaskedSequence[], nTargets: number, nCtx: number): TrainBatch {
  const length = paddedLength(Math.max(...sequences.map(({ ids }) => ids.length)), nCtx);
  const padded = sequences.map(({ ids, mask }, i) => {
    if (i > 0 || ids.length === length) return { ids, mask };
    const pad = (values: ArrayLike<number>) => Array.from({ length }, (_, t) => values[t] ?? 0);
    return { ids: pad(ids), mask: pad(mask) };
  });
  return nextTokenBatch(padded, nTargets);
}

/** Micro-batches of at most `microBatch` sequences each. */
function split(sequences: readonly MaskedSequence[], microBatch: number, nCtx: number): StepBatches {
  const nTargets = countTargets(sequences);
  const batches: TrainBatch[] = [];
  for (let i = 0; i < sequences.length; i += microBatch) {
    batches.push(paddedBatch(sequences.slice(i, i + microBatch), nTargets, nCtx));
  }
  return { batches, nTokens: sequences.reduce((sum, { ids }) => sum + ids.length, 0) };
}

export const scheduleIds = ["constant", "linear", "cosine", "wsd"] as const;

const schedules = { constant: constantSchedule, linear: linearSchedule, cosine: cosineSchedule, wsd: wsdSchedule };

/** How to learn from examples. */
export interface FineTuning extends TrainerOptions {
  readonly nSteps: number;
  readonly lr: number;
  /** Learning rate at the end, as a fraction of `lr`. */
  readonly finalLr: number;
  readonly warmup: number;
  readonly schedule: (typeof scheduleIds)[number];
  /** Sequences of a step. */
  readonly batchSize: number;
  /** Sequences of a forward pass; fewer need less memory and give the same mean. */
  readonly microBatch: number;
  readonly seed: number;
}

/**
 * Learns from examples in seeded random order, every one once before any comes again. Step s takes the places
 * s·batchSize … of the epochs laid end to end. Throws `bad-param` without sequences.
 */
export function fineTuningPlan(sequences: readonly MaskedSequence[], nCtx: number, options: FineTuning): TrainingPlan {
  const n = sequences.length;
  if (n === 0) throw new LabError("bad-param", "there is no example to learn from");
  const { nSteps, lr, finalLr, warmup, schedule, batchSize, microBatch, seed } = options;
  let [epoch, order] = [-1, [] as readonly number[]];
  const at = (place: number): MaskedSequence => {
    const wanted = Math.floor(place / n);
    if (wanted !== epoch) {
      [epoch, order] = [wanted, new Random(seed, `epoch|${wanted}`).shuffle(sequences.map((_, i) => i))];
    }
    return sequences[order[place % n]!]!;
  };
  return {
    nSteps,
    trainer: options,
    batchesAt: (step) => split(Array.from({ length: batchSize }, (_, i) => at(step * batchSize + i)), microBatch, nCtx),
    learningRateAt: (step) => schedules[schedule]({ peak: lr, floor: finalLr * lr, nWarmup: warmup, nSteps }, step),
  };
}

/** A seeded part of the examples, laid aside to measure on: `[to learn from, held out]`. At least one stays to learn from. */
export function holdOut<T>(examples: readonly T[], fraction: number, seed: number): [T[], T[]] {
  const shuffled = new Random(seed, "held-out").shuffle(examples);
  const n = Math.min(examples.length - 1, Math.ceil(fraction * examples.length));
  return [shuffled.slice(n), shuffled.slice(0, n)];
}

/** What a recipe of the toy world says, of whose steps the first `nSteps` are taken. */
export function recipePlan(recipe: Recipe, nSteps = totalSteps(recipe), microBatch = Infinity): TrainingPlan {
  if (nSteps > totalSteps(recipe)) {
    throw new LabError("bad-param", `${nSteps} steps asked for, the recipe ${recipe.name} has ${totalSteps(recipe)}`);
  }
  const { beta1, beta2, eps, weightDecay, clip } = recipe.optimizer;
  return {
    nSteps,
    trainer: { betas: [beta1, beta2], eps, weightDecay, clip },
    batchesAt(step) {
      const { rows, length, ids, mask } = batchAt(recipe, step);
      const sequences = Array.from({ length: rows }, (_, row): MaskedSequence => {
        const [begin, end] = [row * length, (row + 1) * length];
        return { ids: ids.subarray(begin, end), mask: mask.subarray(begin, end) };
      });
      return split(sequences, Math.min(microBatch, rows), recipe.model.nCtx);
    },
    learningRateAt: (step) => learningRateAt(recipe, step),
  };
}
