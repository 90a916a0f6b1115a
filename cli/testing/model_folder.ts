import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenizerConfig, tokenizerJson, tokens } from "../../lab/world/tokenizer.ts";
import { writeSafetensors } from "../../lm/checkpoint/safetensors.ts";
import { expectedTensors, type LlamaConfig, toHuggingFace } from "../../lm/config.ts";
import { goldenConfig, goldenWeights } from "../../lm/testing/golden_fill.ts";

/** The tiny golden model, speaking the words of the toy world. */
export const speakingConfig: LlamaConfig = { ...goldenConfig, dVocab: tokens.length, bosTokenId: 1, eosTokenIds: [2] };

/** Writes a model with the golden weights as a folder in Hugging Face layout; returns its path. */
export function writeGoldenModel(folder: string, config: LlamaConfig): string {
  mkdirSync(folder, { recursive: true });
  const weights = goldenWeights(config);
  const tensors = [...expectedTensors(config)].map(([name, shape]) => {
    const bytes = new Uint8Array(Float32Array.from(weights.get(name)!).buffer);
    return [name, { dtype: "F32", shape, bytes }] as const;
  });
  writeFileSync(join(folder, "config.json"), toHuggingFace(config));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat(writeSafetensors(new Map(tensors))));
  if (config.dVocab === tokens.length) {
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizerJson()));
    writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig(config.nCtx)));
  }
  return folder;
}
