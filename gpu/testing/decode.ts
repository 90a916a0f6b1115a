import { floatToHalf, halfToFloat } from "../../lib/half.ts";
import type { Gpu } from "../gpu.ts";
import { testGpu } from "./node_gpu.ts";
import type { Tensor } from "../tensor.ts";

/** Which tuning a test runs with: the adapter's own, or the one a hardware GPU gets, on whatever is here. */
export type Tuning = "own" | "hardware";

/** The test device; for `hardware` the same device posing as one that is no software adapter. */
export async function tunedGpu(tuning: Tuning): Promise<Gpu> {
  const gpu = await testGpu();
  if (tuning === "own") return gpu;
  return Object.create(gpu, { adapter: { value: { ...gpu.adapter, isSoftware: false } } }) as Gpu;
}

/** An f16 tensor of the rounded values, and those values. */
export function uploadHalf(gpu: Gpu, values: Float32Array, shape: readonly number[]): { tensor: Tensor; rounded: Float32Array } {
  const bits = floatToHalf(values);
  const tensor = gpu.zeros(shape, "f16", "half");
  gpu.write(tensor, bits);
  return { tensor, rounded: halfToFloat(bits) };
}
