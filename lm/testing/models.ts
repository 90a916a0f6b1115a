import type { Gpu } from "../../gpu/gpu.ts";
import { writeSafetensors } from "../checkpoint/safetensors.ts";
import { type Folder, memoryFolder } from "../checkpoint/source.ts";
import { expectedTensors, type LlamaConfig, toHuggingFace } from "../config.ts";
import { Transformer } from "../transformer.ts";
import { goldenConfig, goldenWeights } from "./golden_fill.ts";

/** A model on the device with the given parameters, by checkpoint name. */
export function transformerWith(gpu: Gpu, config: LlamaConfig, weights: ReadonlyMap<string, ArrayLike<number>>): Transformer {
  const model = new Transformer(gpu, config);
  for (const { name, tensor, offset } of model.parts) gpu.write(tensor, Float32Array.from(weights.get(name)!), offset);
  return model;
}

/** The parts of a file as one. */
export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** The golden model as a folder in Hugging Face layout. */
export function goldenFolder(): Folder {
  const weights = goldenWeights(goldenConfig);
  const tensors = new Map(
    [...expectedTensors(goldenConfig)].map(([name, shape]) => {
      const bytes = new Uint8Array(Float32Array.from(weights.get(name)!).buffer);
      return [name, { dtype: "F32", shape, bytes }] as const;
    }),
  );
  return memoryFolder(
    new Map([
      ["config.json", new TextEncoder().encode(toHuggingFace(goldenConfig))],
      ["model.safetensors", joined(writeSafetensors(tensors))],
    ]),
  );
}
