/** Where a training run gets its model from: one that exists, a recipe of the toy world, or its own checkpoint. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { LoadedModel, Session } from "../lab/session.ts";
import type { Words } from "../lab/text.ts";
import { recipePlan, type TrainingPlan } from "../lab/train_run.ts";
import { initialWeights } from "../lab/world/initial_weights.ts";
import { parseRecipe, type Recipe } from "../lab/world/recipe.ts";
import { bosId, eosId, tokenizerConfig, tokenizerJson } from "../lab/world/tokenizer.ts";
import { nodeFile, nodeFolder } from "../lm/checkpoint/node_folder.ts";
import { type FileSource, type Folder, readText } from "../lm/checkpoint/source.ts";
import { parseStrictJson } from "../lm/checkpoint/strict_json.ts";
import type { LlamaConfig } from "../lm/config.ts";
import { openModel } from "../lm/load.ts";
import type { CheckpointFiles } from "../lm/save.ts";
import { loadTokenizer } from "../lm/tokenizer.ts";
import { Transformer } from "../lm/transformer.ts";
import type { Context } from "./command.ts";
import { findModel } from "./model_source.ts";

const optimizerFileName = "optimizer.safetensors";
const maxRecipeBytes = 1 << 20;

/** Files of a model that training does not touch. */
const companionNames = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "chat_template.jinja",
  "generation_config.json",
];

/** Those of them that the folder has, to be written beside a checkpoint. */
export async function companions(folder: Folder): Promise<CheckpointFiles> {
  const files = new Map<string, readonly Uint8Array<ArrayBuffer>[]>();
  for (const name of companionNames) {
    const file = await folder.open(name);
    if (file) files.set(name, [new Uint8Array(await file.read(0, file.size))]);
  }
  return files;
}

interface ForTraining {
  readonly loaded: LoadedModel;
  /** Where its tokenizer lies. */
  readonly folder: Folder;
  /** SHA-256 of the weights the run began with. */
  readonly sha256: string;
  readonly optimizerFile: () => Promise<FileSource>;
}

/** Loads the model, or the checkpoint of it in `resumeFrom`. */
export async function openForTraining(
  model: string,
  resumeFrom: string | undefined,
  { io }: Context,
  session: Session,
): Promise<ForTraining> {
  const start = await findModel(io, model);
  const { checkpoint } = await openModel(start.folder, io.signal);
  const sha256 = await checkpoint.sha256(io.signal);
  const { ref, folder } = resumeFrom === undefined ? start : { ref: `file:${resumeFrom}` as const, folder: nodeFolder(resumeFrom) };
  const loaded = await session.load(ref, folder, { signal: io.signal });
  return { loaded, folder, sha256, optimizerFile: () => nodeFile(join(resumeFrom ?? "", optimizerFileName)) };
}

interface RecipeJob {
  readonly model: Transformer;
  readonly words: Words & { readonly model: Transformer };
  /** SHA-256 of what the recipe says, however it is laid out. */
  readonly sha256: string;
  readonly companions: CheckpointFiles;
  readonly plan: (nSteps: number | undefined, microBatch: number | undefined) => TrainingPlan;
  readonly optimizerFile: () => Promise<FileSource>;
}

/** A new model as a recipe says, with the recipe's own initial weights, or its checkpoint in `resumeFrom`. */
export async function openRecipe(
  path: string,
  resumeFrom: string | undefined,
  { io }: Context,
  session: Session,
): Promise<RecipeJob> {
  const recipe = parseRecipe(parseStrictJson(await readText(await nodeFile(path), maxRecipeBytes, io.signal), path));
  const config = configOf(recipe);
  let model: Transformer;
  if (resumeFrom !== undefined) {
    model = (await session.load(`file:${resumeFrom}`, nodeFolder(resumeFrom), { signal: io.signal })).model;
  } else {
    model = new Transformer(session.gpu, config);
    const weights = new Map(initialWeights(recipe.model, recipe.seed).map(({ name, data }) => [name, data]));
    for (const { name, tensor, offset } of model.parts) session.gpu.write(tensor, weights.get(name)!, offset);
  }
  const texts = {
    "recipe.json": JSON.stringify(recipe, null, 1),
    "tokenizer.json": JSON.stringify(tokenizerJson(), null, 1),
    "tokenizer_config.json": JSON.stringify(tokenizerConfig(recipe.model.nCtx), null, 1),
  };
  const tokenizer = loadTokenizer(texts["tokenizer.json"], texts["tokenizer_config.json"]);
  return {
    model,
    words: { ref: recipe.name, tokenizer, model },
    sha256: createHash("sha256").update(JSON.stringify(recipe)).digest("hex"),
    companions: new Map(Object.entries(texts).map(([name, text]) => [name, [new TextEncoder().encode(`${text}\n`)]])),
    plan: (nSteps, microBatch) => recipePlan(recipe, nSteps, microBatch),
    optimizerFile: () => nodeFile(join(resumeFrom ?? "", optimizerFileName)),
  };
}

/** A recipe's sizes as a whole config: tied embeddings, no biases, the toy world's special tokens. */
function configOf({ model }: Recipe): LlamaConfig {
  return {
    ...model,
    dHead: model.dModel / model.nHead,
    tieEmbeddings: true,
    attentionBias: false,
    mlpBias: false,
    bosTokenId: bosId,
    eosTokenIds: [eosId],
  };
}
