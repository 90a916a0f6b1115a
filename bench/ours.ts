/** The reference model on our engine. */
import type { Gpu } from "../gpu/gpu.ts";
import { gatherRows } from "../gpu/ops/embedding.ts";
import type { LlamaConfig } from "../lm/config.ts";
import { Decoder } from "../lm/generate.ts";
import { allocateCache, freeCache } from "../lm/kv_cache.ts";
import { Trainer } from "../lm/train.ts";
import { Transformer } from "../lm/transformer.ts";
import type { Contender } from "./contender.ts";
import { adamEps, betas, decodePrompt, decodeSteps, learningRate, weightDecay } from "./reference.ts";

/** A model of that shape with those weights (by checkpoint name). */
export function modelWith(
  gpu: Gpu,
  config: LlamaConfig,
  weights: ReadonlyMap<string, Float32Array>,
): Transformer {
  const model = new Transformer(gpu, config);
  for (const { name, tensor, offset } of model.parts) gpu.write(tensor, weights.get(name)!, offset);
  return model;
}

export const trainerOptions = { betas, eps: adamEps, weightDecay, clip: 0 } as const;

export const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0, stopIds: [] } as const;

/** The recorded prefill of `ids`: cache written, logits of the last position kept. */
export async function recordPrefill(model: Transformer, ids: Uint32Array<ArrayBuffer>) {
  const { gpu, config } = model;
  const cache = allocateCache(gpu, config, 1, ids.length);
  const input = gpu.upload(ids, [ids.length], "prompt");
  const last = gpu.upload(Uint32Array.of(ids.length - 1), [1], "last row");
  const plan = await gpu.record("prefill", (r) => {
    const hidden = model.hidden(r, input, { batch: 1, seqLen: ids.length, cache });
    return r.keep(model.logits(r, gatherRows(r, hidden, last)));
  });
  const dispose = (): void => {
    plan.dispose();
    freeCache(gpu, cache);
    gpu.free(input, last);
  };
  return { plan, dispose };
}

/** Our engine as a contender. Training happens on a second copy of the weights. */
export async function openOurs(
  gpu: Gpu,
  config: LlamaConfig,
  weights: ReadonlyMap<string, Float32Array>,
  prompt: Uint32Array<ArrayBuffer>,
): Promise<Contender> {
  const model = modelWith(gpu, config, weights);
  const learner = modelWith(gpu, config, weights);
  const trainer = new Trainer(learner, trainerOptions);
  const prefill = await recordPrefill(model, prompt);
  const decoder = await Decoder.create(model, 1, 0, decodePrompt + decodeSteps + 1);
  return {
    name: "benchtop",
    prefill: () => {
      prefill.plan.run();
      return gpu.read(prefill.plan.outputs);
    },
    decode: async (ids, n) => {
      const steps = decoder.generate([...ids], { ...greedy, maxNewTokens: n + 1 });
      const out: number[] = [];
      for (let next = await steps.next(); ; next = await steps.next()) {
        if (next.done === true) return { ids: out, ms: next.value.timing.decodeMs };
        out.push(next.value.ids[0]!);
      }
    },
    trainStep: async (batch) => {
      await trainer.step([batch], learningRate);
      return (await trainer.losses())[0]!;
    },
    dispose: () => {
      prefill.dispose();
      decoder.dispose();
      trainer.dispose();
      model.dispose();
      learner.dispose();
    },
  };
}
