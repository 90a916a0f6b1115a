import { z } from "zod";
import { LabError } from "../../lib/errors.ts";
import { taskIds } from "./types.ts";

const count = z.int().positive();

export const modelSchema = z
  .strictObject({
    nLayer: count,
    dModel: count,
    nHead: count,
    nKvHead: count,
    dMlp: count,
    dVocab: count,
    nCtx: count,
    ropeTheta: z.number().positive(),
    normEps: z.number().positive(),
  })
  .meta({
    title: "Model",
    description: "Llama family: RMSNorm, half-rotation RoPE, SwiGLU, tied embeddings, no biases.",
  });

export const phaseSchema = z
  .strictObject({
    steps: count.meta({ description: "Optimiser steps of this phase." }),
    batch: count.meta({ description: "Rows B of a batch." }),
    length: count.meta({ description: "Tokens T of a row." }),
    mixture: z
      .partialRecord(z.enum(taskIds), z.number().positive())
      .meta({ description: "Share of the tokens each task gets." }),
    lrScale: z
      .number()
      .positive()
      .exactOptional()
      .meta({ description: "Factor on the learning rate in this phase; 1 when absent." }),
    plain: z.number().min(0).max(1).exactOptional().meta({
      description: "Share of the documents that are one single example, ended at once; none when absent.",
    }),
  })
  .meta({ title: "Phase", description: "A stretch of the curriculum." });

export const optimizerSchema = z.strictObject({
  lr: z.number().positive(),
  warmup: z.int().nonnegative().meta({ description: "Steps of linear warm-up from 0." }),
  decay: z
    .int()
    .nonnegative()
    .meta({ description: "Steps of linear decay at the end; constant between (WSD)." }),
  finalLr: z
    .number()
    .nonnegative()
    .meta({ description: "Learning rate reached by the decay, as a fraction of lr." }),
  beta1: z.number().min(0).max(1),
  beta2: z.number().min(0).max(1),
  eps: z.number().positive(),
  weightDecay: z.number().nonnegative().meta({ description: "Decoupled; none on norms and embeddings." }),
  clip: z.number().positive().meta({ description: "Largest global gradient norm." }),
});

export const recipeSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9-]+$/),
    seed: z.int().nonnegative().meta({ description: "Of the initial weights and of the data." }),
    model: modelSchema,
    phases: z.array(phaseSchema).min(1),
    optimizer: optimizerSchema,
  })
  .meta({ title: "Recipe", description: "Everything a training run is made of." });

export type ModelShape = z.infer<typeof modelSchema>;
export type Phase = z.infer<typeof phaseSchema>;
export type Recipe = z.infer<typeof recipeSchema>;

/** A recipe from parsed JSON. Throws `bad-file` with the field that is wrong. */
export function parseRecipe(json: unknown): Recipe {
  const result = recipeSchema.safeParse(json);
  if (!result.success)
    throw new LabError("bad-file", `This recipe cannot be used: ${z.prettifyError(result.error)}`);
  const { model, phases } = result.data;
  if (model.dModel % model.nHead !== 0 || model.nHead % model.nKvHead !== 0) {
    throw new LabError(
      "bad-file",
      `This recipe cannot be used: dModel ${model.dModel} must be a multiple of nHead ${model.nHead}, and that of nKvHead ${model.nKvHead}.`,
    );
  }
  const long = phases.find((p) => p.length > model.nCtx);
  if (long !== undefined)
    throw new LabError(
      "bad-file",
      `This recipe cannot be used: a phase has rows of ${long.length} tokens, the model's context is ${model.nCtx}.`,
    );
  return result.data;
}

/** All optimiser steps of a recipe. */
export const totalSteps = (recipe: Recipe): number => recipe.phases.reduce((n, p) => n + p.steps, 0);

/** The phase of a step. Throws `bad-param` beyond the last. */
export function phaseAt(recipe: Recipe, step: number): Phase {
  let start = 0;
  for (const phase of recipe.phases) {
    if (step >= start && step < start + phase.steps) return phase;
    start += phase.steps;
  }
  throw new LabError("bad-param", `Step ${step} is outside the recipe's 0 to ${start - 1}.`);
}

/**
 * Learning rate of a step (from 0): linear warm-up, constant, linear decay to `finalLr * lr` on the last step; times
 * the factor of the step's phase.
 */
export function learningRateAt(recipe: Recipe, step: number): number {
  const { lr, warmup, decay, finalLr } = recipe.optimizer;
  const last = totalSteps(recipe) - 1;
  const rise = warmup > 0 ? Math.min(1, (step + 1) / warmup) : 1;
  const left = last - step;
  const fall = decay > 0 && left < decay ? finalLr + (1 - finalLr) * (left / decay) : 1;
  return lr * (phaseAt(recipe, step).lrScale ?? 1) * Math.min(rise, fall);
}
