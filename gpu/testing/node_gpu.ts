import { create, globals } from "webgpu";
import { LabError } from "../../lib/errors.ts";
import { Gpu } from "../gpu.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";

/** Dawn crashes when its instance is collected while devices live, so it is held for the process's life. */
const instances: GPU[] = [];

/** WebGPU in Node through Dawn. `toggles` as Dawn's, e.g. `backend=null`. */
export function nodeProvider(...toggles: string[]): GPU {
  Object.assign(globalThis, globals);
  const provider = create(toggles);
  instances.push(provider);
  return provider;
}

let shared: Promise<Gpu> | undefined;

/** The one device of a test file. */
export function testGpu(): Promise<Gpu> {
  shared ??= Gpu.open(nodeProvider());
  return shared;
}

/** Runs `build` once on the device inside error scopes and returns its tensors' elements. */
export async function evaluate(gpu: Gpu, build: (r: Recorder) => readonly Tensor[]): Promise<Float32Array[]> {
  return gpu.guarded("test", () => gpu.compute("test", build));
}

/** A guard's error, for tests of what an op refuses. */
export async function refusal(gpu: Gpu, build: (r: Recorder) => readonly Tensor[]): Promise<LabError> {
  try {
    await gpu.compute("test", build);
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
  throw new Error("expected the op to refuse its input, but it did not");
}
