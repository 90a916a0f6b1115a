// @ts-check
/**
 * Writes public/models/index.json, the list of the bundled models, from the models themselves; the first is the
 * one the page opens with.   node tools/index_models.mjs
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, root } from "./shell.mjs";

/** What a visitor should know before choosing, in the order of the picker. */
const summaries = {
  "world-m": "The larger of the two models of the toy world, six layers.",
  "world-s": "The smaller one, for weak machines and as the other's amateur.",
};

/** Parameters of a safetensors file, from its header. @param {string} path */
function countParameters(path) {
  const file = readFileSync(path);
  const header = JSON.parse(file.toString("utf8", 8, 8 + Number(file.readBigUInt64LE(0))));
  let n = 0;
  for (const [name, { shape }] of Object.entries(header)) {
    if (name !== "__metadata__") n += shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
  }
  return n;
}

/** The index as it should be, as text. */
export function modelsIndex() {
  const models = Object.entries(summaries).map(([name, summary]) => {
    const weights = join(root, "public/models", name, "model.safetensors");
    return { name, summary, nParams: countParameters(weights), bytes: statSync(weights).size };
  });
  return `${JSON.stringify(models, null, 2)}\n`;
}

export const indexPath = join(root, "public/models/index.json");

if (isMain(import.meta.url)) writeFileSync(indexPath, modelsIndex());
