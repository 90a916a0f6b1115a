import { LabError } from "../lib/errors.ts";
import { type Variant, variantKey, variantSource } from "./kernel.ts";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Compiles each variant of a kernel once per device; concurrent requests share the compilation. */
export class PipelineCache {
  private readonly device: GPUDevice;
  private readonly compiled = new Map<string, Promise<Pipeline>>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  get(variant: Variant): Promise<Pipeline> {
    const key = variantKey(variant);
    let promise = this.compiled.get(key);
    if (promise === undefined) {
      promise = compile(this.device, variant, key);
      this.compiled.set(key, promise);
      promise.catch(() => this.compiled.delete(key));
    }
    return promise;
  }
}

/** Throws `internal` with the compiler's first message when the WGSL is refused. */
export async function compile(device: GPUDevice, variant: Variant, label: string): Promise<Pipeline> {
  const { kernel, constants } = variant;
  const accesses = Object.values(kernel.bindings);
  const entries: GPUBindGroupLayoutEntry[] = accesses.map((access, binding) => ({
    binding,
    visibility: 0x4, // COMPUTE
    buffer: { type: access === "read" ? "read-only-storage" : "storage" },
  }));
  if (Object.keys(kernel.uniforms).length > 0) {
    entries.push({ binding: accesses.length, visibility: 0x4, buffer: { type: "uniform" } });
  }
  const layout = device.createBindGroupLayout({ entries, label });
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: variantSource(variant), label });
  const scope = device.popErrorScope();
  try {
    const pipeline = await device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout], label }),
      compute: { module, entryPoint: "main", constants: { ...constants } },
    });
    return { pipeline, layout };
  } catch (error) {
    const message = (await scope)?.message ?? (error instanceof Error ? error.message : String(error));
    throw new LabError("internal", `kernel ${label} does not compile: ${message}`);
  } finally {
    await scope;
  }
}
