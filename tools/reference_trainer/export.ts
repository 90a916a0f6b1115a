/**
 * Writes what the reference trainer reads: `export RECIPE.json FOLDER [--from STEP] [--to STEP] [--eval N]`.
 *
 * - `initial.safetensors`: the initial weights (float32).
 * - `batches/NNNNNN.bin`: the batches of 100 steps one after another, little-endian u16, bit 15 set where the token
 *   counts as a target.
 * - `recipe.json`, `tokenizer.json`, `tokenizer_config.json`, `config.json`, `generation_config.json`.
 * - `eval/<split>.json`: for every task `n` examples with prompt and completion as ids.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { batchAt } from "../../lab/world/batches.ts";
import { dataHash } from "../../lab/world/examples.ts";
import { initialWeights } from "../../lab/world/initial_weights.ts";
import { parseRecipe, phaseAt, totalSteps } from "../../lab/world/recipe.ts";
import { encode, tokenizerConfig, tokenizerJson, tokens } from "../../lab/world/tokenizer.ts";
import { evaluationSet } from "./evaluation_set.ts";
import { llamaConfig, generationConfig, safetensors } from "./huggingface.ts";

export const stepsPerFile = 100;

const [recipePath, folder] = process.argv.slice(2);
if (recipePath === undefined || folder === undefined)
  throw new Error("usage: export RECIPE.json FOLDER [--from STEP] [--to STEP] [--eval N]");
const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};

const recipe = parseRecipe(JSON.parse(readFileSync(recipePath, "utf8")));
if (recipe.model.dVocab !== tokens.length)
  throw new Error(`The recipe says dVocab ${recipe.model.dVocab}, the tokenizer has ${tokens.length}.`);
mkdirSync(join(folder, "batches"), { recursive: true });
mkdirSync(join(folder, "eval"), { recursive: true });
const json = (name: string, value: unknown): void =>
  writeFileSync(join(folder, name), JSON.stringify(value, null, 1) + "\n");
json("recipe.json", recipe);
json("tokenizer.json", tokenizerJson());
json("tokenizer_config.json", tokenizerConfig(recipe.model.nCtx));
json("config.json", llamaConfig(recipe.model));
json("generation_config.json", generationConfig());
if (!existsSync(join(folder, "initial.safetensors"))) {
  writeFileSync(join(folder, "initial.safetensors"), safetensors(initialWeights(recipe.model, recipe.seed)));
}
const nEval = flag("eval", 200);
for (const split of ["validation", "test"] as const) {
  if (nEval > 0)
    json(`eval/${split}.json`, evaluationSet(split, split === "test" ? nEval : Math.min(nEval, 48), encode));
}
json("data.json", { dataHash: await dataHash(recipe.seed) });

const from = flag("from", 0);
const to = Math.min(flag("to", totalSteps(recipe)), totalSteps(recipe));
for (let start = from - (from % stepsPerFile); start < to; start += stepsPerFile) {
  const path = join(folder, "batches", `${String(start).padStart(6, "0")}.bin`);
  const parts: Buffer[] = [];
  for (let step = start; step < Math.min(start + stepsPerFile, totalSteps(recipe)); step++) {
    const { ids, mask } = batchAt(recipe, step);
    const packed = new Uint16Array(ids.length);
    for (let i = 0; i < ids.length; i++) packed[i] = ids[i]! | (mask[i]! << 15);
    parts.push(Buffer.from(packed.buffer));
  }
  writeFileSync(`${path}.part`, Buffer.concat(parts));
  renameSync(`${path}.part`, path);
  if (start % 1000 === 0)
    console.log(`batches to step ${start + stepsPerFile}, rows of ${phaseAt(recipe, start).length}`);
}
