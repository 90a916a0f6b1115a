import { LabError } from "../lib/errors.ts";
import type { Gpu } from "./gpu.ts";
import { layOut } from "./layout.ts";
import { roundedSize } from "./memory.ts";
import { Dynamic, type Step } from "./step.ts";
import type { Storage } from "./tensor.ts";

interface Call {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

interface Patch {
  readonly name: string;
  readonly byteOffset: number;
  readonly type: "u32" | "i32" | "f32";
}

/** Command buffers are cut here, so that no single submission keeps a slow GPU busy past its watchdog. */
const maxCallsPerSubmit = 96;

/** A recorded computation with its memory laid out and its bind groups made: `run` only encodes and submits. */
export class Plan {
  readonly label: string;
  /** Dispatches of one run. */
  readonly nDispatches: number;
  /** Bytes of planned memory, known before the first run. */
  readonly bytes: number;
  private readonly gpu: Gpu;
  private readonly calls: readonly Call[];
  private readonly patches: readonly Patch[];
  private readonly uniformMirror: ArrayBuffer;
  private readonly uniformBuffer: GPUBuffer | null;
  private readonly slots: readonly GPUBuffer[];
  private readonly storages: readonly Storage[];

  private constructor(
    gpu: Gpu,
    label: string,
    calls: readonly Call[],
    uniforms: { readonly patches: readonly Patch[]; readonly mirror: ArrayBuffer; readonly buffer: GPUBuffer | null },
    memory: { readonly slots: readonly GPUBuffer[]; readonly storages: readonly Storage[] },
  ) {
    this.gpu = gpu;
    this.label = label;
    this.calls = calls;
    this.nDispatches = calls.length;
    this.patches = uniforms.patches;
    this.uniformMirror = uniforms.mirror;
    this.uniformBuffer = uniforms.buffer;
    this.slots = memory.slots;
    this.storages = memory.storages;
    this.bytes = memory.slots.reduce((sum, buffer) => sum + buffer.size, 0);
  }

  /** Compiles what is new, lays out memory, makes bind groups. Throws `out-of-memory` leaving nothing behind. */
  static async create(gpu: Gpu, label: string, steps: readonly Step[]): Promise<Plan> {
    const pipelines = await Promise.all(steps.map((step) => gpu.pipeline(step.variant)));
    const taken: GPUBuffer[] = [];
    let uniformBuffer: GPUBuffer | null = null;
    try {
      return await gpu.guarded(label, () => {
        const { storages, slots } = assignMemory(gpu, steps, label, taken);
        const { mirror, offsets, patches } = packUniforms(gpu, steps);
        if (mirror.byteLength > 0) {
          uniformBuffer = gpu.memory.create(mirror.byteLength, "other", `${label} uniforms`, 0x40 | 0x8); // UNIFORM | COPY_DST
          gpu.device.queue.writeBuffer(uniformBuffer, 0, mirror);
        }
        const calls = steps.map((step, i): Call => {
          const { pipeline, layout } = pipelines[i]!;
          const entries: GPUBindGroupEntry[] = step.tensors.map((tensor, binding) => ({
            binding,
            resource: { buffer: tensor.storage.buffer!, size: tensor.storage.bytes },
          }));
          if (uniformBuffer !== null && step.uniforms.length > 0) {
            const size = uniformBytes(step);
            entries.push({ binding: entries.length, resource: { buffer: uniformBuffer, offset: offsets[i]!, size } });
          }
          const bindGroup = gpu.device.createBindGroup({ layout, entries, label: step.variant.kernel.name });
          return { pipeline, bindGroup, grid: step.grid };
        });
        return new Plan(gpu, label, calls, { patches, mirror, buffer: uniformBuffer }, { slots, storages });
      });
    } catch (error) {
      for (const buffer of taken) gpu.memory.destroy(buffer);
      if (uniformBuffer !== null) gpu.memory.destroy(uniformBuffer);
      throw error;
    }
  }

  /** Names of the uniforms that `run` must be given. */
  get dynamics(): readonly string[] {
    return [...new Set(this.patches.map((patch) => patch.name))];
  }

  /** Encodes and submits one run. Never waits. */
  run(values: Readonly<Record<string, number>> = {}): void {
    const { device } = this.gpu;
    if (this.patches.length > 0) {
      const view = new DataView(this.uniformMirror);
      for (const { name, byteOffset, type } of this.patches) {
        const value = values[name];
        if (value === undefined) throw new LabError("internal", `${this.label}: no value for ${name}`);
        writeScalar(view, byteOffset, type, value);
      }
      device.queue.writeBuffer(this.uniformBuffer!, 0, this.uniformMirror);
    }
    for (let start = 0; start < this.calls.length; start += maxCallsPerSubmit) {
      const end = Math.min(start + maxCallsPerSubmit, this.calls.length);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      let bound: GPUComputePipeline | null = null;
      for (let i = start; i < end; i++) {
        const { pipeline, bindGroup, grid } = this.calls[i]!;
        if (pipeline !== bound) pass.setPipeline(pipeline);
        bound = pipeline;
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
  }

  /** Gives the memory back. Kept outputs are gone with it. */
  dispose(): void {
    for (const storage of this.storages) storage.buffer = null;
    for (const buffer of this.slots) this.gpu.memory.give(buffer);
    if (this.uniformBuffer !== null) this.gpu.memory.destroy(this.uniformBuffer);
  }
}

/** Buffers for every planned storage; each buffer taken is also pushed to `taken`. */
function assignMemory(
  gpu: Gpu,
  steps: readonly Step[],
  label: string,
  taken: GPUBuffer[],
): { storages: Storage[]; slots: GPUBuffer[] } {
  const span = new Map<Storage, { first: number; last: number }>();
  steps.forEach((step, i) => {
    for (const { storage } of step.tensors) {
      if (storage.resident) continue;
      const life = span.get(storage);
      if (life === undefined) span.set(storage, { first: i, last: i });
      else life.last = i;
    }
  });
  const storages = [...span.keys()];
  const { slots: slotOf, slotBytes } = layOut(
    storages.map((storage) => ({
      bytes: roundedSize(storage.bytes),
      first: span.get(storage)!.first,
      last: storage.kept ? steps.length : span.get(storage)!.last,
    })),
  );
  const slots = slotBytes.map((bytes, i) => {
    const buffer = gpu.memory.take(bytes, `${label} ${i}`);
    taken.push(buffer);
    return buffer;
  });
  storages.forEach((storage, i) => {
    storage.buffer = slots[slotOf[i]!]!;
  });
  return { storages, slots };
}

const uniformBytes = (step: Step): number => Math.ceil((step.uniforms.length * 4) / 16) * 16;

function packUniforms(
  gpu: Gpu,
  steps: readonly Step[],
): { mirror: ArrayBuffer; offsets: number[]; patches: Patch[] } {
  const alignment = gpu.device.limits.minUniformBufferOffsetAlignment;
  const offsets: number[] = [];
  let bytes = 0;
  for (const step of steps) {
    offsets.push(bytes);
    if (step.uniforms.length > 0) bytes += Math.ceil(uniformBytes(step) / alignment) * alignment;
  }
  const mirror = new ArrayBuffer(bytes);
  const view = new DataView(mirror);
  const patches: Patch[] = [];
  steps.forEach((step, i) => {
    const types = Object.values(step.variant.kernel.uniforms);
    step.uniforms.forEach((value, k) => {
      const byteOffset = offsets[i]! + k * 4;
      const type = types[k]!;
      if (value instanceof Dynamic) patches.push({ name: value.name, byteOffset, type });
      else writeScalar(view, byteOffset, type, value);
    });
  });
  return { mirror, offsets, patches };
}

function writeScalar(view: DataView, byteOffset: number, type: "u32" | "i32" | "f32", value: number): void {
  if (type === "f32") view.setFloat32(byteOffset, value, true);
  else if (type === "u32") view.setUint32(byteOffset, value, true);
  else view.setInt32(byteOffset, value, true);
}
