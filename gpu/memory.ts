import { LabError } from "../lib/errors.ts";

/** What a buffer is for; shown on the page as the parts of the memory in use. */
export type MemoryKind = "weights" | "cache" | "optimizer" | "activations" | "staging" | "other";

export interface MemoryUse {
  /** Bytes of all live buffers, pooled ones included. */
  readonly bytes: number;
  /** Highest value `bytes` has had. */
  readonly peakBytes: number;
  readonly byKind: Readonly<Record<MemoryKind, number>>;
  /** Bytes waiting in the pool for reuse. */
  readonly pooledBytes: number;
}

const storageUsage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC
const maxPooledBytes = 64 * 2 ** 20;

/**
 * Every buffer of a device is created and destroyed here, so the accounting cannot miss one. Buffers of
 * plans come from a pool of rounded sizes; resident buffers are exact.
 */
export class Memory {
  private readonly device: GPUDevice;
  private readonly pool = new Map<number, GPUBuffer[]>();
  private readonly kinds = new WeakMap<GPUBuffer, MemoryKind>();
  private readonly use: Record<MemoryKind, number> = {
    weights: 0,
    cache: 0,
    optimizer: 0,
    activations: 0,
    staging: 0,
    other: 0,
  };
  private bytes = 0;
  private peakBytes = 0;
  private pooledBytes = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** A zeroed buffer of exactly `bytes` (a multiple of 4). */
  create(bytes: number, kind: MemoryKind, label: string, usage = storageUsage): GPUBuffer {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = usage & 0x80 ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
    if (bytes > limit) {
      throw new LabError(
        "out-of-memory",
        `${label} needs ${bytes} bytes in one buffer; this device allows ${limit}`,
        "Use a smaller model, a shorter text or a smaller batch.",
      );
    }
    const buffer = this.device.createBuffer({ size: bytes, usage, label });
    this.kinds.set(buffer, kind);
    this.use[kind] += bytes;
    this.bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    const kind = this.kinds.get(buffer);
    if (kind === undefined) return;
    this.kinds.delete(buffer);
    this.use[kind] -= buffer.size;
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  /** A buffer of at least `bytes` with unspecified contents, from the pool where one fits. */
  take(bytes: number, label: string): GPUBuffer {
    const size = roundedSize(bytes);
    const found = this.pool.get(size)?.pop();
    if (found === undefined) return this.create(size, "activations", label);
    this.pooledBytes -= size;
    return found;
  }

  /** Gives a buffer got from `take` back for reuse. */
  give(buffer: GPUBuffer): void {
    if (this.pooledBytes + buffer.size > maxPooledBytes) return this.destroy(buffer);
    const list = this.pool.get(buffer.size);
    if (list === undefined) this.pool.set(buffer.size, [buffer]);
    else list.push(buffer);
    this.pooledBytes += buffer.size;
  }

  /** Destroys everything that waits in the pool. */
  trim(): void {
    for (const list of this.pool.values()) for (const buffer of list) this.destroy(buffer);
    this.pool.clear();
    this.pooledBytes = 0;
  }

  report(): MemoryUse {
    const { bytes, peakBytes, pooledBytes } = this;
    return { bytes, peakBytes, byKind: { ...this.use }, pooledBytes };
  }
}

/** Sizes of pooled buffers: four steps per octave, at least 256 bytes, so at most a fifth is wasted. */
export function roundedSize(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}
