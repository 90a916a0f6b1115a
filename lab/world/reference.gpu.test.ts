/** Our trainer and the reference trainer (`tools/reference_trainer`) are one: same weights, same batches, same losses. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { testGpu } from "../../gpu/testing/node_gpu.ts";
import { expectClose, lossCurve } from "../../lib/testing/close.ts";
import { nextTokenBatch, type MaskedSequence } from "../../lm/batch.ts";
import type { LlamaConfig } from "../../lm/config.ts";
import { transformerWith } from "../../lm/testing/models.ts";
import { Trainer } from "../../lm/train.ts";
import { type Batch, batchAt } from "./batches.ts";
import { initialWeights } from "./initial_weights.ts";
import { learningRateAt, parseRecipe, totalSteps } from "./recipe.ts";

const golden = JSON.parse(readFileSync(new URL("../../recipes/goldens/reference_losses.json", import.meta.url), "utf8")) as {
  readonly recipe: unknown;
  readonly losses: readonly number[];
};

const sequencesOf = ({ rows, length, ids, mask }: Batch): MaskedSequence[] =>
  Array.from({ length: rows }, (_, b) => ({
    ids: ids.subarray(b * length, (b + 1) * length),
    mask: mask.subarray(b * length, (b + 1) * length),
  }));

test("fifty steps of the recipe follow the reference trainer's losses", async () => {
  const recipe = parseRecipe(golden.recipe);
  const { model: m, optimizer: o } = recipe;
  const config: LlamaConfig = {
    ...m,
    dHead: m.dModel / m.nHead,
    tieEmbeddings: true,
    attentionBias: false,
    mlpBias: false,
    bosTokenId: undefined,
    eosTokenIds: [],
  };
  const gpu = await testGpu();
  const weights = new Map(initialWeights(m, recipe.seed).map(({ name, data }) => [name, data]));
  const model = transformerWith(gpu, config, weights);
  const { eps, weightDecay, clip } = o;
  const trainer = new Trainer(model, { betas: [o.beta1, o.beta2], eps, weightDecay, clip });
  for (let step = 0; step < totalSteps(recipe); step++) {
    await trainer.step([nextTokenBatch(sequencesOf(batchAt(recipe, step)))], learningRateAt(recipe, step));
  }
  expect(golden.losses).toHaveLength(50);
  expectClose(await trainer.losses(), golden.losses, lossCurve(golden.losses));
  trainer.dispose();
  model.dispose();
});
