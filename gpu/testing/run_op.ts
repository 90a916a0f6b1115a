import type { Gpu } from "../gpu.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { evaluate } from "./node_gpu.ts";

/** Elements and shape of an input to upload. */
export interface Input {
  readonly data: Float32Array | Uint32Array;
  readonly shape: readonly number[];
}

/** Uploads the inputs, runs `build` on them once, frees them and returns what the tensors it gives contain. */
export async function runOp(
  gpu: Gpu,
  inputs: readonly Input[],
  build: (r: Recorder, ...tensors: Tensor[]) => readonly Tensor[],
): Promise<Float32Array[]> {
  const tensors = inputs.map(({ data, shape }, i) => gpu.upload(data, shape, `input ${i}`));
  try {
    return await evaluate(gpu, (r) => build(r, ...tensors));
  } finally {
    gpu.free(...tensors);
  }
}

/**
 * As `runOp` for one op: its output, then the gradients of all its f32 inputs from the output gradient `dy`.
 */
export function runWithGradients(
  gpu: Gpu,
  inputs: readonly Input[],
  dy: Float32Array,
  op: (r: Recorder, ...tensors: Tensor[]) => Tensor,
): Promise<Float32Array[]> {
  return runOp(gpu, [...inputs, { data: dy, shape: [dy.length] }], (r, ...all) => {
    const tensors = all.slice(0, -1);
    const differentiable = tensors.filter((t) => t.dtype === "f32");
    r.track(...differentiable);
    const y = op(r, ...tensors);
    return [y, ...r.gradientsFrom(y, r.reshape(all.at(-1)!, y.shape), differentiable)];
  });
}

/** The rows of a matrix in reverse order. */
export function reverseRows<T extends Float32Array | Uint32Array>(x: T, width: number): T {
  const out = x.slice() as T;
  const nRows = x.length / width;
  for (let n = 0; n < nRows; n++) out.set(x.subarray(n * width, (n + 1) * width), (nRows - 1 - n) * width);
  return out;
}
