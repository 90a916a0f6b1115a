import { resolve } from "node:path";
import { z } from "zod";
import { fineTuningPlan, holdOut, scheduleIds, type TrainingPlan, trainRun, type TrainRunOptions } from "../../lab/train_run.ts";
import type { Session } from "../../lab/session.ts";
import type { MaskedSequence } from "../../lm/batch.ts";
import type { Transformer } from "../../lm/transformer.ts";
import { adapterFlag } from "../adapter.ts";
import { exists, writeCheckpoint } from "../checkpoint_store.ts";
import type { Context, Outcome } from "../command.ts";
import { defineCommand, flagName, parseSettings, settingsText, usage } from "../flags.ts";
import { duration, Progress } from "../io.ts";
import { dataFileHelp, readDataFile, sequencesFor } from "../read_data.ts";
import { checkSettings, readTrainerFile, type Settings, trainerFileBytes, trainerFileName } from "../trainer_file.ts";
import { companions, openForTraining, openRecipe } from "../train_source.ts";
import { withSession } from "../use_model.ts";
import { lossFlag } from "./loss.ts";

const count = z.int().min(1);

const adamwSettings = z.object({
  beta1: z.number().gt(0).lt(1).default(0.9),
  beta2: z.number().gt(0).lt(1).default(0.95),
  eps: z.number().positive().default(1e-8),
  finalLr: z.number().min(0).max(1).default(0).meta({ description: "learning rate at the end, as a fraction of lr" }),
});

const flags = z.object({
  model: z.string().min(1).optional().meta({ description: "the model to start from", placeholder: "M" }),
  recipe: z.string().min(1).optional().meta({
    description: "instead of --model and --data: train a new model of the toy world as this recipe says",
    placeholder: "FILE",
  }),
  ...adapterFlag,
  data: z.string().min(1).optional().meta({ description: "file of examples to learn from", placeholder: "FILE" }),
  loss: lossFlag.optional(),
  steps: count.optional().meta({ description: "optimiser steps in all, those before a --resume included; a recipe has its own number" }),
  lr: z.number().positive().default(1e-3).meta({ description: "learning rate after the warm-up" }),
  batchSize: count.default(8).meta({ description: "examples of a step" }),
  microBatch: count.optional().meta({ description: "examples on the device at once; all of a step unless told" }),
  adapterMethod: z.enum(["full"]).default("full").meta({ description: "full: every parameter is trained" }),
  optimizer: z.enum(["adamw"]).default("adamw").meta({ description: "adamw: decoupled decay" }),
  weightDecay: z.number().min(0).default(0).meta({ description: "times the learning rate; not on embeddings, gains and biases" }),
  warmup: z.int().min(0).default(0).meta({ description: "steps of linear warm-up" }),
  schedule: z.enum(scheduleIds).default("constant").meta({ description: "how the learning rate goes on to the last of --steps" }),
  clip: z.number().min(0).default(1).meta({ description: "largest global gradient norm; 0 is no clipping" }),
  set: z.array(z.string()).default([]).meta({
    description: settingsText(adamwSettings),
    placeholder: "K=V",
    repeated: true,
  }),
  seed: z.int().min(0).max(2 ** 32 - 1).default(0).meta({ description: "of the order of the examples, and of what is held out" }),
  evalEvery: z.int().min(0).default(0).meta({ description: "measure the loss on held-out examples at the start, after every N steps and at the end; 0 is never" }),
  evalData: z.string().min(1).optional().meta({ description: "file of examples to measure on", placeholder: "FILE" }),
  heldOut: z.number().min(0).lt(1).default(0.1).meta({ description: "without --eval-data: fraction of --data to measure on instead of learning from" }),
  checkpointEvery: z.int().min(0).default(250).meta({ description: "write a checkpoint after every N steps; 0 is at the end only" }),
  out: z.string().min(1).optional().meta({ description: "folder for the checkpoint; none is written without", placeholder: "DIR" }),
  resume: z.boolean().default(false).meta({ description: "go on from the checkpoint in --out" }),
});
type Flags = z.infer<typeof flags>;

/** What only fine-tuning has; a recipe says it itself. */
const ofFineTuning = ["loss", "lr", "batchSize", "weightDecay", "warmup", "schedule", "clip", "set", "seed"] as const;

export const train = defineCommand({
  name: "train",
  summary: "train a model and write a checkpoint in Hugging Face layout",
  flags: flags.superRefine((given, { addIssue }) => {
    const problem = problemOf(given);
    if (problem !== undefined) addIssue({ code: "custom", message: problem });
  }),
  about: `JSON: {losses, evals, tokensPerSecond, out}. losses: of every step from the first, those before a --resume included,
the mean over the step's target tokens; null where it was not finite (such a step changes nothing). evals:
[{step, loss}] on held-out examples. tokensPerSecond: of this run; padding, compiling, evaluations and checkpoints not
counted. out: the folder written, or null.

The folder gets config.json, model.safetensors (f32) and the tokenizer's files; beside them optimizer.safetensors
(both moments) and trainer.json (settings, progress). On the same adapter a resumed run gives the same bits as one
that was never stopped. Ctrl-C writes a checkpoint and prints what there is, with exit code 130.

${dataFileHelp}`,
  examples: [
    "train --model bundled:world-s --data train.jsonl --loss ce --steps 200 --lr 3e-4 --eval-every 50 --out tuned",
    "train --model bundled:world-s --data train.jsonl --loss ce --steps 400 --lr 3e-4 --eval-every 50 --out tuned --resume",
    "train --recipe recipes/world-s.json --out world-s --checkpoint-every 100",
  ],
  run: (given, context) => withSession(given.adapter, context, (session) => runTraining(given, context, session)),
});

/** What of the flags does not fit together, if anything. */
function problemOf(given: Flags): string | undefined {
  const { model, recipe, data, loss, steps, out, resume, evalEvery, evalData } = given;
  if ((model === undefined) === (recipe === undefined)) return "give either --model or --recipe";
  if (resume && out === undefined) return "--resume needs --out, the folder of the run to go on with";
  if (recipe !== undefined) {
    if (data !== undefined) return "--data goes with --model; a recipe makes its own data";
    const defaults = flags.parse({});
    const stray = ofFineTuning.find((key) => JSON.stringify(given[key]) !== JSON.stringify(defaults[key]));
    if (stray !== undefined) return `${flagName(stray)} is the recipe's to say`;
    return evalEvery > 0 && evalData === undefined ? "--eval-every with a recipe needs --eval-data" : undefined;
  }
  if (data === undefined) return "--data is missing";
  if (loss === undefined) return "--loss is missing";
  return steps === undefined ? "--steps is missing" : undefined;
}

async function runTraining(given: Flags, context: Context, session: Session): Promise<Outcome> {
  const { io } = context;
  const out = given.out === undefined ? undefined : resolve(given.out);
  const earlier = out !== undefined && given.resume ? await readTrainerFile(out) : undefined;
  if (out !== undefined && earlier === undefined && (await exists(`${out}/config.json`))) {
    throw usage(`${given.out} already holds a model; give another --out, or --resume to go on with it`, "train");
  }
  const job = await (given.recipe === undefined ? fineTune(given, context, session, out) : fromRecipe(given, context, session, out));
  if (earlier !== undefined) checkSettings(earlier.settings, job.settings);
  const { model, plan, settings, evaluation } = job;
  if (earlier !== undefined && earlier.progress.step > plan.nSteps) {
    throw usage(`--steps is ${plan.nSteps}, but the run already made ${earlier.progress.step}`, "train");
  }
  const { adapter } = session;
  const adapterText = [adapter.vendor, adapter.architecture, adapter.description].filter((word) => word !== "").join(" ");
  if (earlier !== undefined && earlier.adapter !== adapterText) {
    io.stderr.write(`warning: the run was started on ${earlier.adapter}; on another adapter the last bits will differ\n`);
  }
  const options: TrainRunOptions = {
    plan,
    evaluation,
    evalEvery: given.evalEvery,
    checkpointEvery: given.checkpointEvery,
    signal: io.signal,
    ...(earlier === undefined ? {} : { from: { progress: earlier.progress, optimizer: await job.optimizerFile() } }),
  };
  const save: TrainRunOptions["save"] = async (files, progress) => {
    const all = new Map([...files, ...job.companions]);
    all.set(trainerFileName, trainerFileBytes({ schema: 1, settings, adapter: adapterText, progress }));
    await writeCheckpoint(out!, all);
  };
  return report(model, out === undefined ? options : { ...options, save }, context, given.out ?? null);
}

/** Runs, with a line or a bar on standard error for what happens. */
async function report(model: Transformer, options: TrainRunOptions, { io }: Context, out: string | null): Promise<Outcome> {
  const { nSteps } = options.plan;
  const progress = new Progress(io.stderr, "training");
  const say = (line: string): void => {
    progress.end();
    io.stderr.write(`${line}\n`);
  };
  const show = (loss: number | null): string => (loss === null ? "not finite" : loss.toFixed(4));
  const run = trainRun(model, options);
  for (;;) {
    const { value, done } = await run.next();
    if (!done) {
      if (value.kind === "eval") say(`step ${value.step}: held-out loss ${show(value.loss)}`);
      else if (value.kind === "checkpoint") say(`step ${value.step}: checkpoint written`);
      else {
        if (value.losses.includes(null)) say(`warning: by step ${value.step} a loss was not finite; that step changed nothing`);
        const note = `step ${value.step} of ${nSteps}, loss ${show(value.losses.at(-1)!)}, ${value.tokensPerSecond.toFixed(0)} tokens/s`;
        progress.update(value.step, nSteps, note);
      }
      continue;
    }
    progress.end();
    const { tokensPerSecond, wasInterrupted } = value;
    const { losses, evals, seconds } = value.progress;
    const text = [
      `${losses.length} steps in ${duration(1000 * seconds)}, ${tokensPerSecond.toFixed(0)} tokens/s`,
      losses.length === 0 ? "" : `loss ${show(losses[0]!)} → ${show(losses.at(-1)!)}`,
      evals.length === 0 ? "" : `held-out loss ${show(evals[0]!.loss)} → ${show(evals.at(-1)!.loss)}`,
      out === null ? "nothing written (no --out)" : `written to ${out}`,
    ];
    return { json: { losses, evals, tokensPerSecond, out }, text: text.filter((line) => line !== "").join("\n"), wasInterrupted };
  }
}

/** Everything a run is made of, from either kind of start. */
interface Job {
  readonly model: Transformer;
  readonly plan: TrainingPlan;
  readonly settings: Settings;
  readonly evaluation: readonly MaskedSequence[];
  /** Files that go beside the weights as they are. */
  readonly companions: Awaited<ReturnType<typeof companions>>;
  readonly optimizerFile: () => Promise<NonNullable<TrainRunOptions["from"]>["optimizer"]>;
}

async function fineTune(given: Flags, context: Context, session: Session, out: string | undefined): Promise<Job> {
  const adamw = parseSettings(adamwSettings, given.set, given.optimizer, "train");
  const start = await openForTraining(given.model!, given.resume ? out : undefined, context, session);
  const { loaded, folder, optimizerFile } = start;
  const data = await readDataFile(given.data!, context);
  const evalData = given.evalData === undefined ? undefined : await readDataFile(given.evalData, context);
  const all = sequencesFor(loaded, data);
  const [sequences, heldOut] = given.evalEvery > 0 && !evalData ? holdOut(all, given.heldOut, given.seed) : [all, []];
  const { lr, batchSize, microBatch = batchSize, weightDecay, warmup, schedule, clip, seed, steps } = given;
  const { beta1, beta2, eps, finalLr } = adamw;
  const settings: Settings = {
    "--model": start.sha256,
    "--data": data.sha256,
    "--eval-data": evalData?.sha256 ?? null,
    "number of held-out examples": heldOut.length,
    "--loss": given.loss!,
    "--adapter-method": given.adapterMethod,
    "--optimizer": given.optimizer,
    "--lr": lr,
    "--schedule": schedule,
    "--warmup": warmup,
    "--weight-decay": weightDecay,
    "--clip": clip,
    "--batch-size": batchSize,
    "--micro-batch": microBatch,
    "--seed": seed,
    ...Object.fromEntries(Object.entries(adamw).map(([key, value]) => [`--set ${key}`, value])),
  };
  const plan = fineTuningPlan(sequences, loaded.model.config.nCtx, {
    nSteps: steps!,
    lr,
    finalLr,
    warmup,
    schedule,
    batchSize,
    microBatch,
    seed,
    betas: [beta1, beta2],
    eps,
    weightDecay,
    clip,
  });
  const evaluation = evalData ? sequencesFor(loaded, evalData) : heldOut;
  return { model: loaded.model, plan, settings, evaluation, companions: await companions(folder), optimizerFile };
}

async function fromRecipe(given: Flags, context: Context, session: Session, out: string | undefined): Promise<Job> {
  const job = await openRecipe(given.recipe!, given.resume ? out : undefined, context, session);
  const plan = job.plan(given.steps, given.microBatch);
  const evalData = given.evalData === undefined ? undefined : await readDataFile(given.evalData, context);
  return {
    ...job,
    plan,
    settings: { "--recipe": job.sha256, "--micro-batch": given.microBatch ?? null, "--eval-data": evalData?.sha256 ?? null },
    evaluation: evalData ? sequencesFor(job.words, evalData) : [],
  };
}
