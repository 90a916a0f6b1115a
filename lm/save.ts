import { floatToHalf } from "../lib/half.ts";
import { type TensorData, writeSafetensors } from "./checkpoint/safetensors.ts";
import { toHuggingFace } from "./config.ts";
import type { Transformer } from "./transformer.ts";

/** Files of a checkpoint in Hugging Face layout: name → bytes in pieces to be written one after another. */
export type CheckpointFiles = ReadonlyMap<string, readonly Uint8Array<ArrayBuffer>[]>;

/** Reads the parameters back and writes `config.json` and `model.safetensors` as F32 or F16. */
export async function saveModel(model: Transformer, dtype: "f32" | "f16" = "f32"): Promise<CheckpointFiles> {
  const stored = new Map(
    await Promise.all([...model.parameters].map(async (tensor) => [tensor, await model.gpu.read(tensor)] as const)),
  );
  const tensors = new Map<string, TensorData>();
  for (const { name, shape, tensor, offset } of model.parts) {
    const n = shape.reduce((a, b) => a * b, 1);
    const values = stored.get(tensor)!.slice(offset, offset + n);
    const bytes = new Uint8Array(dtype === "f32" ? values.buffer : floatToHalf(values).buffer);
    tensors.set(name, { dtype: dtype === "f32" ? "F32" : "F16", shape, bytes });
  }
  const config = toHuggingFace(model.config, dtype === "f32" ? "float32" : "float16");
  return new Map([
    ["config.json", [new TextEncoder().encode(config)]],
    ["model.safetensors", writeSafetensors(tensors, new Map([["format", "pt"]]))],
  ]);
}
