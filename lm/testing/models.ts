import type { Gpu } from "../../gpu/gpu.ts";
import type { LlamaConfig } from "../config.ts";
import { Transformer } from "../transformer.ts";

/** A model on the device with the given parameters, by checkpoint name. */
export function transformerWith(gpu: Gpu, config: LlamaConfig, weights: ReadonlyMap<string, ArrayLike<number>>): Transformer {
  const model = new Transformer(gpu, config);
  for (const { name, tensor, offset } of model.parts) gpu.write(tensor, Float32Array.from(weights.get(name)!), offset);
  return model;
}
