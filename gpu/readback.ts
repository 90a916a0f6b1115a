import { halfToFloat } from "../lib/half.ts";
import type { Memory } from "./memory.ts";
import { bytesPerElement, type Tensor } from "./tensor.ts";

const stagingUsage = 0x1 | 0x8; // MAP_READ | COPY_DST
const maxIdle = 4;

/** Reads buffers through a few reused staging buffers, waiting on the map alone. */
export class Readback {
  private readonly device: GPUDevice;
  private readonly memory: Memory;
  private readonly idle: GPUBuffer[] = [];

  constructor(device: GPUDevice, memory: Memory) {
    this.device = device;
    this.memory = memory;
  }

  async read(
    source: GPUBuffer,
    tensor: Tensor,
    as?: "u32",
  ): Promise<Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>> {
    const bytes = Math.ceil((tensor.size * bytesPerElement[tensor.dtype]) / 4) * 4;
    if (bytes === 0) return as === "u32" ? new Uint32Array(0) : new Float32Array(0);
    const staging = this.take(bytes);
    const encoder = this.device.createCommandEncoder({ label: `read ${tensor.label}` });
    encoder.copyBufferToBuffer(source, 0, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1, 0, bytes);
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    this.put(staging);
    if (as === "u32") return new Uint32Array(copy);
    if (tensor.dtype === "f16") return halfToFloat(new Uint16Array(copy, 0, tensor.size));
    if (tensor.dtype === "u32") return Float32Array.from(new Uint32Array(copy));
    return new Float32Array(copy);
  }

  private take(bytes: number): GPUBuffer {
    const index = this.idle.findIndex((buffer) => buffer.size >= bytes);
    if (index >= 0) return this.idle.splice(index, 1)[0]!;
    return this.memory.create(Math.max(1024, 2 ** Math.ceil(Math.log2(bytes))), "staging", "staging", stagingUsage);
  }

  private put(buffer: GPUBuffer): void {
    this.idle.push(buffer);
    this.idle.sort((a, b) => a.size - b.size);
    while (this.idle.length > maxIdle) this.memory.destroy(this.idle.pop()!);
  }
}
