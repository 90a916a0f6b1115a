/** Our trainer and the reference trainer (`tools/reference_trainer`) are one: same weights, same batches, same losses. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { testGpu } from "../../gpu/testing/node_gpu.ts";
import { expectClose, lossCurve } from "../../lib/testing/close.ts";
import type { LlamaConfig } from "../../lm/config.ts";
import { transformerWith } from "../../lm/testing/models.ts";
import { Trainer } from "../../lm/train.ts";
import { recipePlan } from "../train_run.ts";
import { initialWeights } from "./initial_weights.ts";
import { parseRecipe } from "./recipe.ts";

const golden = JSON.parse(readFileSync(new URL("../../recipes/goldens/reference_losses.json", import.meta.url), "utf8")) as {
  readonly recipe: unknown;
  readonly losses: readonly number[];
};

test("fifty steps of the recipe follow the reference trainer's losses", async () => {
  const recipe = parseRecipe(golden.recipe);
  const { model: m } = recipe;
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
  const plan = recipePlan(recipe);
  const trainer = new Trainer(model, plan.trainer);
  for (let step = 0; step < plan.nSteps; step++) {
    await trainer.step(plan.batchesAt(step).batches, plan.learningRateAt(step));
  }
  expect(golden.losses).toHaveLength(50);
  expectClose(await trainer.losses(), golden.losses, lossCurve(golden.losses));
  trainer.dispose();
  model.dispose();
});
