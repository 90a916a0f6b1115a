import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../gpu/gpu.ts";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { Random } from "../lib/random.ts";
import { exact, expectClose, lossCurve } from "../lib/testing/close.ts";
import { countTargets, nextTokenBatch, type MaskedSequence } from "./batch.ts";
import { goldenConfig, goldenWeights } from "./testing/golden_fill.ts";
import { AdamWTwin, LlamaTwin } from "./testing/llama_twin.ts";
import { transformerWith } from "./testing/models.ts";
import { Trainer } from "./train.ts";

const options = { betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1, clip: 1 } as const;
let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** Seeded sequences of 6 to 9 tokens with a masked beginning. */
function sequencesOf(step: number): MaskedSequence[] {
  const random = new Random(7, step);
  return Array.from({ length: 4 }, () => {
    const length = 6 + random.int(4);
    return { ids: Array.from({ length }, () => random.int(13)), mask: Array.from({ length }, (_, t) => (t > 1 ? 1 : 0)) };
  });
}

describe("the training step", () => {
  test("twenty AdamW steps follow the float64 twin's loss curve, in micro-batches too", async () => {
    const weights = goldenWeights(goldenConfig);
    const twin = new LlamaTwin(goldenConfig, weights);
    const adam = new AdamWTwin();
    const [whole, split] = [transformerWith(gpu, goldenConfig, weights), transformerWith(gpu, goldenConfig, weights)];
    const [one, two] = [new Trainer(whole, options), new Trainer(split, options)];
    const expected: number[] = [];
    const isDecayed = (name: string): boolean => !name.includes("norm") && !name.includes("embed");
    for (let step = 0; step < 20; step++) {
      const lr = 0.02 / (1 + step / 10);
      const sequences = sequencesOf(step);
      const batch = nextTokenBatch(sequences);
      const { loss, gradients } = twin.lossAndGradients(batch.ids, batch.targets, batch.weights, batch.length);
      expected.push(loss);
      adam.step(twin.weights, gradients, { lr, ...options }, isDecayed);
      await one.step([batch], lr);
      const nTargets = countTargets(sequences);
      await two.step([nextTokenBatch(sequences.slice(0, 1), nTargets), nextTokenBatch(sequences.slice(1), nTargets)], lr);
    }
    const [losses, halves] = [await one.losses(), await two.losses()];
    expectClose(losses, expected, lossCurve(expected), "loss");
    const sums = Float64Array.from(expected, (_, i) => halves[2 * i]! + halves[2 * i + 1]!);
    expectClose(sums, expected, lossCurve(expected), "loss of micro-batches");
    expect(expected[19]! < expected[0]!).toBe(true);
    one.dispose();
    two.dispose();
    whole.dispose();
    split.dispose();
  });

  test("overfits one sequence, and a learning rate of 0 changes no bit", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const still = new Trainer(model, options);
    const before = await gpu.read(model.weights.layers[0]!.qkv);
    const random = new Random(3, "one sequence");
    const batch = nextTokenBatch([{ ids: Array.from({ length: 32 }, () => random.int(13)), mask: new Array(32).fill(1) }]);
    await still.step([batch], 0);
    expectClose(await gpu.read(model.weights.layers[0]!.qkv), before, exact);
    still.dispose();
    const trainer = new Trainer(model, { ...options, weightDecay: 0 });
    for (let step = 0; step < 150; step++) await trainer.step([batch], 0.01);
    const losses = await trainer.losses();
    expect(losses[149]! < 0.01).toBe(true);
    trainer.dispose();
    model.dispose();
  });

  test("leaves no memory behind", async () => {
    const before = gpu.memory.report();
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const trainer = new Trainer(model, options);
    await trainer.step([nextTokenBatch(sequencesOf(0))], 0.01);
    await trainer.losses();
    trainer.dispose();
    model.dispose();
    gpu.memory.trim();
    const after = gpu.memory.report();
    expect(after.bytes - after.byKind.staging).toBe(before.bytes - before.pooledBytes - before.byKind.staging);
  });
});
