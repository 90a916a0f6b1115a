/** The engine's own numbers: dispatches, readbacks, script time per dispatch, planned memory. */
import type { Gpu } from "../gpu/gpu.ts";
import { sample } from "../gpu/ops/sample.ts";
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
import { type Counts, counting } from "./watch.ts";

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

/** Microseconds of script per dispatch while plans are replayed and nobody waits for them. */
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
  const nTrain = trainer.dispatchesPerStep(1, 8)!;
  const micros = async (
    nDispatches: number,
    nReplays: number,
    run: (i: number) => void,
  ): Promise<number[]> => {
    const samples: number[] = [];
    for (let round = 0; round < 15; round++) {
      await gpu.idle();
      const started = performance.now();
      for (let i = 0; i < nReplays; i++) run(i);
      // The first rounds run before the compiler of the script has warmed up.
      if (round >= 5) samples.push((1000 * (performance.now() - started)) / (nReplays * nDispatches));
    }
    return samples;
  };
  const perDecode = await micros(decode.nDispatches, 40, (i) => decode.run({ position: i, step: i }));
  const perTrain = await micros(nTrain, 5, () => void trainer.step([batch], learningRate));
  await trainer.losses();
  trainer.dispose();
  decode.dispose();
  freeCache(gpu, cache);
  gpu.free(ids);
  model.dispose();
  return [
    sampled("facts", "decode step, script per dispatch", "µs", perDecode),
    sampled("facts", "training step, script per dispatch", "µs", perTrain),
  ];
}

/** Bytes of planned memory of the reference model's paths, beside its weights. */
async function plannedMemory(gpu: Gpu): Promise<Row[]> {
  const config = referenceConfig;
  const model = modelWith(gpu, config, referenceWeights(config));
  const prefill = await recordPrefill(model, referenceIds(prefillLength, config.dVocab));
  const cache = allocateCache(gpu, config, 1, 64);
  const ids = gpu.zeros([1], "u32", "id");
  const decode = await gpu.record("decode step", (r) =>
    recordDecodeStep(r, model, ids, cache, r.dynamic("position")),
  );
  const trainer = new Trainer(model, trainerOptions);
  const batch = referenceBatch(trainRows, trainLength, config.dVocab);
  const bytes = [prefill.plan.bytes, decode.bytes];
  decode.dispose();
  prefill.dispose();
  freeCache(gpu, cache);
  gpu.free(ids);
  await trainer.step([batch], 0);
  bytes.push(trainer.planBytes);
  await trainer.losses();
  trainer.dispose();
  model.dispose();
  return ["prefill", "decode step", "training step"].map((path, i) =>
    counted("facts", `${path}, planned memory`, "bytes", bytes[i]!),
  );
}
