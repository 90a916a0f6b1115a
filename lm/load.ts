import type { Gpu } from "../gpu/gpu.ts";
import { LabError, throwIfCancelled } from "../lib/errors.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint/checkpoint.ts";
import { toFloat32 } from "./checkpoint/dtypes.ts";
import { streamTensors } from "./checkpoint/safetensors.ts";
import { type Folder, readText } from "./checkpoint/source.ts";
import { checkTensors, expectedTensors, type LlamaConfig, parseConfig } from "./config.ts";
import { Transformer } from "./transformer.ts";

const maxConfigBytes = 1 << 20;

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of weights that have reached the device, and all there are. */
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
}

/** Config and headers of a folder in Hugging Face layout; no weights are read. */
export interface OpenedModel {
  readonly config: LlamaConfig;
  readonly checkpoint: Checkpoint;
}

/**
 * Reads `config.json` and the safetensors headers and checks that they fit together.
 * Throws `not-found`, `bad-file`, `unsupported`, `cancelled`.
 */
export async function openModel(folder: Folder, signal?: AbortSignal): Promise<OpenedModel> {
  const file = await folder.open("config.json", signal);
  if (file === undefined) {
    throw new LabError("not-found", "no config.json here", "Choose a folder in Hugging Face layout.");
  }
  const text = await readText(file, maxConfigBytes, signal);
  const checkpoint = await openCheckpoint(folder, signal);
  const config = parseConfig(text, checkpoint.tensors);
  if (config.dHead % 4 !== 0 || config.dHead > 128) {
    throw new LabError("unsupported", `config.json: heads are ${config.dHead} wide; the lab has widths up to 128 that are multiples of 4`);
  }
  checkTensors(config, new Map([...checkpoint.tensors].map(([name, { info }]) => [name, info])));
  return { config, checkpoint };
}

/**
 * Streams the weights tensor by tensor to the device, widened to f32.
 * Throws what `openModel` throws, and `out-of-memory`; on failure nothing stays behind.
 */
export async function loadModel(gpu: Gpu, opened: OpenedModel, options: LoadOptions = {}): Promise<Transformer> {
  const { config, checkpoint } = opened;
  const { signal, onProgress } = options;
  throwIfCancelled(signal);
  let model: Transformer | undefined;
  try {
    return await gpu.guarded("loading the model", async () => {
      model = new Transformer(gpu, config);
      const parts = new Map(model.parts.map((part) => [part.name, part]));
      const wanted = expectedTensors(config);
      let done = 0;
      for (const { source, header } of checkpoint.shards) {
        const names = [...header.tensors.keys()].filter((name) => wanted.has(name));
        await streamTensors(source, header, names, signal ? { signal } : {}, ({ info, offset, bytes }) => {
          const { tensor, offset: base } = parts.get(info.name)!;
          const values = toFloat32(bytes, info.dtype);
          const itemBytes = values.length === 0 ? 1 : bytes.byteLength / values.length;
          gpu.write(tensor, values, base + offset / itemBytes);
          done += bytes.byteLength;
          onProgress?.(done, checkpoint.totalBytes);
        });
      }
      return model;
    });
  } catch (error) {
    model?.dispose();
    throw error;
  }
}
