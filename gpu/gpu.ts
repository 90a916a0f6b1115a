import { LabError } from "../lib/errors.ts";
import type { Variant } from "./kernel.ts";
import { Memory, type MemoryKind } from "./memory.ts";
import { PipelineCache, type Pipeline } from "./pipelines.ts";
import { Recorder } from "./recorder.ts";
import type { Plan } from "./plan.ts";
import { Readback } from "./readback.ts";
import { type DType, Storage, Tensor, tensorBytes } from "./tensor.ts";

export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for an adapter that computes on the CPU (SwiftShader, lavapipe, WARP). */
  readonly isSoftware: boolean;
}

export interface Features {
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly timestamps: boolean;
}

/** Why a device went away. `destroyed` is our own doing; `unknown` is a crash, a driver reset or a pulled GPU. */
export interface DeviceLoss {
  readonly reason: "destroyed" | "unknown";
  readonly message: string;
}

const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

/** A WebGPU device with everything the lab hangs on it. The one place where GPU objects are made. */
export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterDescription;
  readonly features: Features;
  readonly memory: Memory;
  /** Resolves once, when the device is gone. */
  readonly lost: Promise<DeviceLoss>;
  private readonly pipelines: PipelineCache;
  private readonly readback: Readback;

  private constructor(device: GPUDevice, adapter: AdapterDescription, features: Features) {
    this.device = device;
    this.adapter = adapter;
    this.features = features;
    this.memory = new Memory(device);
    this.pipelines = new PipelineCache(device);
    this.readback = new Readback(device, this.memory);
    this.lost = device.lost.then(({ reason, message }) => ({ reason: reason ?? "unknown", message }));
  }

  /**
   * Asks for the fastest adapter and for the largest limits it has, stepping down to the defaults when the
   * device is refused. Throws `no-adapter`.
   */
  static async open(provider: GPU): Promise<Gpu> {
    const adapter = await provider.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) {
      throw new LabError(
        "no-adapter",
        "WebGPU is here, but it offers no graphics adapter.",
        "Turn on hardware acceleration in the browser's settings, update the graphics driver, or try another browser.",
      );
    }
    const optional = ["shader-f16", "subgroups", "timestamp-query"] as const;
    const requiredFeatures = optional.filter((name) => adapter.features.has(name));
    const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
    const ladder: GPUDeviceDescriptor[] = [{ requiredFeatures, requiredLimits }, { requiredFeatures }, {}];
    let failure: unknown;
    for (const descriptor of ladder) {
      try {
        const device = await adapter.requestDevice({ ...descriptor, label: "benchtop" });
        const { vendor, architecture, description } = adapter.info;
        const text = `${vendor} ${architecture} ${description}`.toLowerCase();
        const isSoftware = /swiftshader|llvmpipe|lavapipe|software|basic render/.test(text);
        const features: Features = {
          f16: device.features.has("shader-f16"),
          subgroups: device.features.has("subgroups"),
          timestamps: device.features.has("timestamp-query"),
        };
        return new Gpu(device, { vendor, architecture, description, isSoftware }, features);
      } catch (error) {
        failure = error;
      }
    }
    throw new LabError("no-adapter", `The graphics adapter refused to make a device: ${String(failure)}`);
  }

  /** A zeroed resident tensor. */
  zeros(shape: readonly number[], dtype: DType, label: string, kind: MemoryKind = "other"): Tensor {
    const bytes = tensorBytes(shape, dtype);
    return new Tensor(new Storage(bytes, label, this.memory.create(bytes, kind, label)), shape, dtype);
  }

  /** A resident tensor with the given contents. Shape: `data.length` must be the product of `shape`. */
  upload(data: Float32Array | Uint32Array, shape: readonly number[], label: string, kind: MemoryKind = "other"): Tensor {
    const tensor = this.zeros(shape, data instanceof Uint32Array ? "u32" : "f32", label, kind);
    this.write(tensor, data);
    return tensor;
  }

  /** Overwrites a resident tensor, or `data.length` elements of it from element `offset` on. */
  write(tensor: Tensor, data: Float32Array | Uint32Array | Uint16Array, offset = 0): void {
    const isWhole = offset === 0 && data.length === tensor.size;
    if (!isWhole && offset + data.length > tensor.size) {
      throw new LabError("shape", `write: ${data.length} elements at ${offset} into ${tensor.label} of ${tensor.size}`);
    }
    let bytes = data as Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
    if (data.byteLength % 4 !== 0 && offset + data.length === tensor.size) {
      // Writes go in words; an odd number of halves ends in the padding that every storage has.
      bytes = new Uint8Array(data.byteLength + 2);
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    this.device.queue.writeBuffer(this.bufferOf(tensor), offset * data.BYTES_PER_ELEMENT, bytes);
  }

  /** Waits for the work queued so far and returns a copy of the tensor's elements (f16 widened to f32). */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>>;
  async read(tensor: Tensor, as: "u32"): Promise<Uint32Array<ArrayBuffer>>;
  async read(tensor: Tensor, as?: "u32"): Promise<Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>> {
    const { storage } = tensor;
    if (!storage.resident && !storage.kept) {
      throw new LabError("internal", `read: ${tensor.label} is not kept by its plan, its memory may be reused`);
    }
    return this.readback.read(this.bufferOf(tensor), tensor, as);
  }

  /** Frees a resident tensor. */
  free(...tensors: Tensor[]): void {
    for (const { storage } of tensors) {
      if (!storage.resident || storage.buffer === null) continue;
      this.memory.destroy(storage.buffer);
      storage.buffer = null;
    }
  }

  /**
   * Records a computation once, as a plan that can be run many times. `build` calls ops on the recorder;
   * nothing runs until `plan.run`. Throws `out-of-memory` when the plan's memory is not to be had.
   */
  async record<T>(label: string, build: (r: Recorder) => T): Promise<Plan & { readonly outputs: T }> {
    const recorder = new Recorder(this, label);
    const outputs = build(recorder);
    const plan = await recorder.finish();
    return Object.assign(plan, { outputs });
  }

  /** Records, runs once, reads the returned tensors back and gives the memory back. */
  async compute(label: string, build: (r: Recorder) => readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    const plan = await this.record(label, (r) => build(r).map((t) => r.keep(t)));
    try {
      plan.run();
      return await Promise.all(plan.outputs.map((t) => this.read(t)));
    } finally {
      plan.dispose();
    }
  }

  pipeline(variant: Variant): Promise<Pipeline> {
    return this.pipelines.get(variant);
  }

  /** Runs `work` inside error scopes; a validation error or a failed allocation becomes a LabError. */
  async guarded<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    const attempt = outcomeOf(work);
    // Work that is done at once has its scopes popped at once, so that concurrent calls cannot swap theirs.
    const outcome = attempt instanceof Promise ? await attempt : attempt;
    const [invalid, full] = await Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
    if (full) {
      throw new LabError(
        "out-of-memory",
        `${what}: the device has no memory left for it (${full.message})`,
        "Close other tabs, or use a smaller model, a shorter text or a smaller batch.",
      );
    }
    if ("error" in outcome) throw outcome.error;
    if (invalid) throw new LabError("internal", `${what}: ${invalid.message}`);
    return outcome.value;
  }

  /** Resolves when everything submitted so far has run. */
  async idle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
  }

  destroy(): void {
    this.device.destroy();
  }

  private bufferOf({ storage }: Tensor): GPUBuffer {
    if (storage.buffer === null) throw new LabError("internal", `${storage.label} has been freed or was never planned`);
    return storage.buffer;
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

function outcomeOf<T>(work: () => T | Promise<T>): Outcome<T> | Promise<Outcome<T>> {
  try {
    const value = work();
    if (!(value instanceof Promise)) return { value };
    return value.then(
      (value: T) => ({ value }),
      (error: unknown) => ({ error }),
    );
  } catch (error) {
    return { error };
  }
}
