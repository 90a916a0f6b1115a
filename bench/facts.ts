/** The engine's own numbers: dispatches, readbacks, script time per dispatch, planned memory. */
import type { Gpu } from "../gpu/gpu.ts";
import { crossEntropy } from "../gpu/ops/cross_entropy.ts";
import { sample } from "../gpu/ops/sample.ts";
import { AdamW } from "../gpu/optim/adamw.ts";
import type { LlamaConfig } from "../lm/config.ts";
import { recordDecodeStep } from "../lm/decode_step.ts";
import { Decoder } from "../lm/generate.ts";
import { allocateCache, freeCache } from "../lm/kv_cache.ts";
import { Trainer } from "../lm/train.ts";
import { greedy, modelWith, recordPrefill, trainerOptions } from "./ours.ts";
import {
  learningRate,
  prefillLength,
  referenceBatch,
  referenceConfig,
  referenceIds,
  referenceWeights,
  trainLength,
  trainRows,
} from "./reference.ts";
import { counted, type Row, sampled } from "./rows.ts";
import { type Counts, counting, timingSubmit } from "./watch.ts";

/** As deep as the reference model and as narrow as can be: the script's work is the same, the device's is nothing. */
export const thinConfig: LlamaConfig = {
  ...referenceConfig,
  nHead: 2,
  nKvHead: 1,
  dModel: 16,
  dHead: 8,
  dMlp: 16,
  dVocab: 64,
  nCtx: 128,
};

export interface EngineCounts {
  readonly nLayer: number;
  /** Of one greedy token after the first. */
  readonly token: Counts;
  /** Of one training step, losses unread. */
  readonly step: Counts;
}

/** What decoding a token and a training step ask of the device, counted on the thin model. */
export async function countEngine(gpu: Gpu): Promise<EngineCounts> {
  const config = thinConfig;
  const model = modelWith(gpu, config, referenceWeights(config));
  const decoder = await Decoder.create(model, 1, 0, 32);
  const trainer = new Trainer(model, trainerOptions);
  const batch = referenceBatch(2, 16, config.dVocab);
  try {
    const prompt = [...referenceIds(8, config.dVocab)];
    const generate = (maxNewTokens: number) =>
      counting(async () => {
        const steps = decoder.generate(prompt, { ...greedy, maxNewTokens });
        while ((await steps.next()).done !== true);
      });
    const [few, many] = [(await generate(3)).counts, (await generate(13)).counts];
    const per = (key: keyof Counts): number => (many[key] - few[key]) / 10;
    const token = {
      dispatches: per("dispatches"),
      maps: per("maps"),
      mappedBytes: per("mappedBytes"),
      submits: per("submits"),
    };
    await trainer.step([batch], learningRate);
    const { counts: step } = await counting(() => trainer.step([batch], learningRate));
    await gpu.idle();
    return { nLayer: config.nLayer, token, step };
  } finally {
    trainer.dispose();
    decoder.dispose();
    model.dispose();
  }
}

export async function engineFacts(gpu: Gpu): Promise<Row[]> {
  const { nLayer, token, step } = await countEngine(gpu);
  const row = (name: string, unit: string, value: number): Row => counted("facts", name, unit, value);
  return [
    row("decode, dispatches per token", "", token.dispatches),
    row("decode, most dispatches per token allowed", "", 5 * nLayer + 4),
    row("decode, readbacks per token", "", token.maps),
    row("decode, bytes read back per token", "bytes", token.mappedBytes),
    row("training step, dispatches", "", step.dispatches),
    row("training step, readbacks", "", step.maps),
    ...(await scriptCost(gpu)),
    ...(await plannedMemory(gpu)),
  ];
}

/**
 * Microseconds per dispatch of a replayed plan, nobody waiting for it: of script (encoding, and the calls into
 * WebGPU that it makes), and apart from it inside `queue.submit`, where Dawn in Node does the driver's part and
 * where a software driver may start to compute on this very core.
 */
async function scriptCost(gpu: Gpu): Promise<Row[]> {
  const config = thinConfig;
  const model = modelWith(gpu, config, referenceWeights(config));
  const cache = allocateCache(gpu, config, 1, 64);
  const ids = gpu.zeros([1], "u32", "id");
  const decode = await gpu.record("decode step", (r) => {
    const logits = recordDecodeStep(r, model, ids, cache, r.dynamic("position"));
    sample(r, logits, {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 0,
      step: r.dynamic("step"),
      into: { ids },
    });
  });
  const trainer = new Trainer(model, trainerOptions);
  const batch = referenceBatch(1, 8, config.dVocab);
  await trainer.step([batch], learningRate);
  const rows: Row[] = [];
  const measure = async (
    path: string,
    nDispatches: number,
    run: (i: number) => void | Promise<void>,
  ): Promise<void> => {
    const samples: { script: number; submit: number }[] = [];
    for (let round = 0; round < 60; round++) {
      await gpu.idle();
      const { ms, submitMs } = await timingSubmit(() => run(round));
      const micros = (time: number): number => (1000 * time) / nDispatches;
      // The first rounds run before the compiler of the script has warmed up.
      if (round >= 20) samples.push({ script: micros(ms - submitMs), submit: micros(submitMs) });
    }
    rows.push(
      sampled(
        "facts",
        `${path}, script per dispatch`,
        "µs",
        samples.map((one) => one.script),
      ),
    );
    rows.push(
      sampled(
        "facts",
        `${path}, inside submit, per dispatch`,
        "µs",
        samples.map((one) => one.submit),
      ),
    );
  };
  await measure("decode step", decode.nDispatches, (i) => decode.run({ position: i, step: i }));
  await measure("training step", trainer.dispatchesPerStep(1, 8)!, () => trainer.step([batch], learningRate));
  await trainer.losses();
  trainer.dispose();
  decode.dispose();
  freeCache(gpu, cache);
  gpu.free(ids);
  model.dispose();
  return rows;
}

/** Bytes of planned memory of the reference model's paths, beside weights, caches and moments; nothing runs. */
async function plannedMemory(gpu: Gpu): Promise<Row[]> {
  const config = referenceConfig;
  const model = modelWith(gpu, config, referenceWeights(config));
  const cache = allocateCache(gpu, config, 1, 64);
  const optimizer = new AdamW(gpu, model.parameters, trainerOptions);
  const nTrain = trainRows * trainLength;
  const one = gpu.zeros([1], "u32", "id");
  const ids = gpu.zeros([nTrain], "u32", "ids");
  const shares = gpu.zeros([nTrain], "f32", "loss weights");
  const prefill = await recordPrefill(model, referenceIds(prefillLength, config.dVocab));
  const plans = {
    prefill: prefill.plan,
    "decode step": await gpu.record("decode step", (r) =>
      recordDecodeStep(r, model, one, cache, r.dynamic("position")),
    ),
    "training step": await gpu.record("training step", (r) => {
      r.track(...model.parameters);
      const logits = model.forward(r, ids, { batch: trainRows, seqLen: trainLength });
      const { loss } = crossEntropy(r, logits, ids, shares);
      optimizer.recordStep(r, r.gradients(loss, model.parameters), { lr: learningRate });
    }),
  };
  const rows = Object.entries(plans).flatMap(([path, { bytes, nDispatches }]) => [
    counted("facts", `${path}, planned memory`, "MiB", bytes / 2 ** 20),
    counted("facts", `${path} of the reference model, dispatches`, "", nDispatches),
  ]);
  prefill.dispose();
  plans["decode step"].dispose();
  plans["training step"].dispose();
  freeCache(gpu, cache);
  gpu.free(one, ids, shares);
  optimizer.dispose();
  model.dispose();
  return rows;
}
