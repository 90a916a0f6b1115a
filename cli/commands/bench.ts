import { z } from "zod";
import { matmul } from "../../gpu/ops/matmul.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import { readCatalogue } from "../../lab/catalogue.ts";
import { LabError } from "../../lib/errors.ts";
import { Random } from "../../lib/random.ts";
import { nextTokenBatch } from "../../lm/batch.ts";
import { Decoder } from "../../lm/generate.ts";
import { Trainer } from "../../lm/train.ts";
import type { Transformer } from "../../lm/transformer.ts";
import type { Context } from "../command.ts";
import { defineCommand } from "../flags.ts";
import { Progress, table } from "../io.ts";
import { bundledModels } from "../model_source.ts";
import { deviceFlags, modelFlag, withModel } from "../use_model.ts";

const suites = ["all", "decode", "prefill", "train", "matmul"] as const;

interface Row {
  readonly name: string;
  /** Median. */
  readonly value: number;
  readonly unit: string;
  readonly n: number;
  /** Interquartile range, in the same unit. */
  readonly spread: number;
}

export const bench = defineCommand({
  name: "bench",
  summary: "how fast this adapter is",
  flags: z.object({
    ...deviceFlags,
    model: modelFlag.model.optional().meta({ description: "the model; the first that comes with the lab unless told", placeholder: "M" }),
    suite: z.enum(suites).default("all").meta({ description: "what to measure" }),
    repeats: z.int().min(3).max(1000).default(7).meta({ description: "measurements of each, after one that does not count" }),
  }),
  about: `JSON: {adapter, rows: [{name, value, unit, n, spread}]}. value is the median of n measurements, spread their
interquartile range, both in unit; rates count more as better. Prefill and training step take at most the model's
context. Compare only numbers of one machine and one run.`,
  examples: ["bench", "bench --model bundled:world-m --suite decode --repeats 20 --json"],
  async run(flags, context) {
    const model = flags.model ?? (await firstBundled(context));
    return withModel({ ...flags, model }, context, async (loaded, session) => {
      const { io } = context;
      const progress = new Progress(io.stderr, "measuring");
      const rows: Row[] = [];
      const parts = suites.filter((suite) => suite !== "all" && (flags.suite === "all" || flags.suite === suite));
      for (const [i, part] of parts.entries()) {
        progress.update(i, parts.length, part);
        if (io.signal.aborted) throw new LabError("cancelled", "Cancelled.");
        rows.push(...(await measure[part as keyof typeof measure](loaded.model, flags.repeats)));
      }
      progress.end();
      const lines = rows.map(({ name, value, unit, n, spread }) => [name, round(value), unit, `± ${round(spread)}`, `n ${n}`]);
      const { description, architecture } = session.adapter;
      return {
        json: { adapter: session.adapter, rows },
        text: `${description || architecture}, ${model}\n\n${table([["what", "median", "unit", "IQR", ""], ...lines])}`,
      };
    });
  },
});

async function firstBundled({ io }: Context): Promise<string> {
  const [first] = await readCatalogue(bundledModels(io));
  if (first === undefined) throw new LabError("not-found", "no model comes with the lab", "Give one with --model.");
  return first.ref;
}

const measure = {
  /** Greedy tokens after a short prompt; a measurement is a run of up to 32. */
  async decode(model: Transformer, repeats: number): Promise<Row[]> {
    const { nCtx } = model.config;
    const prompt = someIds(model, Math.min(32, Math.floor(nCtx / 2)));
    const decoder = await Decoder.create(model, 1, 0, Math.min(nCtx, prompt.length + 32));
    const settings = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0, maxNewTokens: 32, stopIds: [] };
    try {
      const rates = await repeated(repeats, async () => {
        const steps = decoder.generate(prompt, settings);
        for (;;) {
          const { value, done } = await steps.next();
          if (done) return (1000 * value.timing.nSteps) / value.timing.decodeMs;
        }
      });
      return [row("decode", "tokens/s", rates)];
    } finally {
      decoder.dispose();
    }
  },

  /** A forward pass that keeps the last logits, its plan already there. */
  async prefill(model: Transformer, repeats: number): Promise<Row[]> {
    const { gpu, config } = model;
    const seqLen = Math.min(256, config.nCtx);
    const ids = gpu.upload(Uint32Array.from(someIds(model, seqLen)), [seqLen], "ids");
    const plan = await gpu.record("prefill", (r) => r.keep(model.forward(r, ids, { batch: 1, seqLen })));
    try {
      const rates = await repeated(repeats, async () => (1000 * seqLen) / (await timed(gpu, () => plan.run())));
      return [row(`prefill ${seqLen}`, "tokens/s", rates)];
    } finally {
      plan.dispose();
      gpu.free(ids);
    }
  },

  /** Forward, backward, clipping and AdamW at a learning rate of 0, so that the model stays as it is. */
  async train(model: Transformer, repeats: number): Promise<Row[]> {
    const length = Math.min(128, model.config.nCtx);
    const mask = new Uint8Array(length).fill(1);
    const batch = nextTokenBatch(Array.from({ length: 4 }, (_, i) => ({ ids: someIds(model, length, i), mask })));
    const trainer = new Trainer(model, { clip: 1 });
    try {
      const rates = await repeated(repeats, async () => {
        const ms = await timed(model.gpu, () => trainer.step([batch], 0));
        return (1000 * 4 * length) / ms;
      });
      await trainer.losses();
      return [row(`training step 4×${length}`, "tokens/s", rates)];
    } finally {
      trainer.dispose();
    }
  },

  async matmul({ gpu }: Transformer, repeats: number): Promise<Row[]> {
    const rows: Row[] = [];
    for (const size of [256, 512]) {
      const random = new Random(1, `matmul ${size}`);
      const make = (label: string) => gpu.upload(Float32Array.from({ length: size ** 2 }, () => random.next() - 0.5), [size, size], label);
      const [a, b] = [make("a"), make("b")];
      const plan = await gpu.record("matmul", (r) => r.keep(matmul(r, a, b)));
      const rates = await repeated(repeats, async () => (2 * size ** 3) / (1e6 * (await timed(gpu, () => plan.run()))));
      rows.push(row(`matmul ${size}³ f32`, "GFLOP/s", rates));
      plan.dispose();
      gpu.free(a, b);
    }
    return rows;
  },
};

/** Milliseconds from the call to the end of the work on the device. */
async function timed(gpu: Gpu, work: () => unknown): Promise<number> {
  await gpu.idle();
  const started = performance.now();
  await work();
  await gpu.idle();
  return performance.now() - started;
}

/** Measures once in vain, then `repeats` times. */
async function repeated(repeats: number, once: () => Promise<number>): Promise<number[]> {
  await once();
  const values: number[] = [];
  while (values.length < repeats) values.push(await once());
  return values;
}

function row(name: string, unit: string, values: readonly number[]): Row {
  return { name, value: quantile(values, 0.5), unit, n: values.length, spread: quantile(values, 0.75) - quantile(values, 0.25) };
}

/** Quantile by linear interpolation between the sorted values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
}

/** Ids all over the vocabulary, the same every time. */
function someIds({ config }: Transformer, n: number, stream = 0): number[] {
  const random = new Random(1, stream);
  return Array.from({ length: n }, () => random.int(config.dVocab));
}

const round = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
