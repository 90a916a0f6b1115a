/** The engine without the page, for tests that compare a browser with Node: bundled and put into a blank page. */
import { Gpu } from "../../gpu/gpu.ts";
import { memoryFolder } from "../../lm/checkpoint/source.ts";
import { Decoder, type GenerateOptions } from "../../lm/generate.ts";
import { loadModel, openModel } from "../../lm/load.ts";

export interface GenerateRequest {
  /** URLs of the model's files. */
  readonly config: string;
  readonly weights: string;
  readonly prompt: readonly number[];
  readonly n: number;
  readonly options: Omit<GenerateOptions, "signal">;
}

async function bytesOf(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}

/** Ids of each continuation, prompt first. */
export async function generate({ config, weights, prompt, n, options }: GenerateRequest): Promise<number[][]> {
  const gpu = await Gpu.open(navigator.gpu);
  const folder = memoryFolder(
    new Map([
      ["config.json", await bytesOf(config)],
      ["model.safetensors", await bytesOf(weights)],
    ]),
  );
  const model = await loadModel(gpu, await openModel(folder));
  const decoder = await Decoder.create(model, n);
  const rows = Array.from({ length: n }, () => [...prompt]);
  const open = new Set(rows);
  for await (const { ids } of decoder.generate(prompt, options)) {
    rows.forEach((row, k) => {
      if (!open.has(row)) return;
      row.push(ids[k]!);
      if (options.stopIds.includes(ids[k]!)) open.delete(row);
    });
  }
  gpu.destroy();
  return rows;
}
