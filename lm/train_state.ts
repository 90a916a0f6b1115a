/**
 * The optimiser's state beside a checkpoint: both moments of every tensor, under the checkpoint's names
 * (`<tensor>.m`, `<tensor>.v`, F32), and in the metadata the number of steps taken. With the f32 weights this is
 * all of a run on the device: restored on the same adapter it goes on bit for bit.
 */
import type { AdamW } from "../gpu/optim/adamw.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError } from "../lib/errors.ts";
import { toFloat32 } from "./checkpoint/dtypes.ts";
import { countElements, readHeader, streamTensors, type TensorData, writeSafetensors } from "./checkpoint/safetensors.ts";
import type { FileSource } from "./checkpoint/source.ts";
import type { Transformer } from "./transformer.ts";

/** `optimizer.safetensors` in pieces to be written one after another. Waits for the queued work. */
export async function saveOptimizer(model: Transformer, optimizer: AdamW): Promise<Uint8Array<ArrayBuffer>[]> {
  const { gpu, parameters } = model;
  const { nSteps } = await optimizer.report();
  const read = (moments: readonly Tensor[]) => Promise.all(moments.map((moment) => gpu.read(moment)));
  const state = optimizer.state();
  const values = { m: await read(state.map(({ m }) => m)), v: await read(state.map(({ v }) => v)) };
  const tensors = new Map<string, TensorData>();
  for (const { name, shape, tensor, offset } of model.parts) {
    const i = parameters.indexOf(tensor);
    for (const moment of ["m", "v"] as const) {
      const part = values[moment][i]!.slice(offset, offset + countElements(shape));
      tensors.set(`${name}.${moment}`, { dtype: "F32", shape, bytes: new Uint8Array(part.buffer) });
    }
  }
  return writeSafetensors(tensors, new Map([["optimizer", "adamw"], ["steps", String(nSteps)]]));
}

/** Puts a saved state back on the device. Throws `bad-file` where it is not that of this model. */
export async function restoreOptimizer(model: Transformer, optimizer: AdamW, file: FileSource): Promise<void> {
  const header = await readHeader(file);
  const bad = (problem: string): LabError => new LabError("bad-file", `${file.name}: ${problem}`);
  const steps = Number(header.metadata.get("steps") ?? Number.NaN);
  if (header.metadata.get("optimizer") !== "adamw" || !Number.isSafeInteger(steps) || steps < 0) {
    throw bad("is no state of AdamW");
  }
  const state = optimizer.state();
  const places = new Map<string, { readonly tensor: Tensor; readonly offset: number }>();
  for (const { name, shape, tensor, offset } of model.parts) {
    const moments = state[model.parameters.indexOf(tensor)]!;
    for (const moment of ["m", "v"] as const) {
      const info = header.tensors.get(`${name}.${moment}`);
      if (info === undefined) throw bad(`lacks ${name}.${moment}`);
      if (info.dtype !== "F32" || info.shape.join() !== shape.join()) {
        throw bad(`${info.name} is ${info.dtype} [${info.shape}], expected F32 [${shape}]`);
      }
      places.set(info.name, { tensor: moments[moment], offset });
    }
  }
  await streamTensors(file, header, places.keys(), {}, ({ info, offset, bytes }) => {
    const { tensor, offset: base } = places.get(info.name)!;
    model.gpu.write(tensor, toFloat32(bytes, info.dtype), base + offset / 4);
  });
  optimizer.setSteps(steps);
}
