import { LabError } from "../lib/errors.ts";

/** Element types a buffer can hold. f16 needs the adapter's `shader-f16`. */
export type DType = "f32" | "f16" | "u32";

export const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4 };

/**
 * The memory behind one or more tensors. *Resident* storage (weights, caches, inputs) has its buffer from
 * the start; *planned* storage gets one when the recorder that created it lays out its plan, and shares
 * that buffer with other storages whose lifetimes do not overlap.
 */
export class Storage {
  readonly bytes: number;
  readonly label: string;
  readonly resident: boolean;
  buffer: GPUBuffer | null;
  /** A planned storage that must outlive its last use inside the plan, so that it can be read afterwards. */
  kept = false;

  constructor(bytes: number, label: string, buffer: GPUBuffer | null = null) {
    this.bytes = bytes;
    this.label = label;
    this.buffer = buffer;
    this.resident = buffer !== null;
  }
}

/** A row-major array of `shape` over a storage. Views share storage; nothing is ever strided. */
export class Tensor {
  readonly storage: Storage;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;

  constructor(storage: Storage, shape: readonly number[], dtype: DType) {
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.size = shape.reduce((a, b) => a * b, 1);
  }

  get label(): string {
    return this.storage.label;
  }

  /** Size of the innermost axis. */
  get width(): number {
    return this.shape.at(-1) ?? 1;
  }

  /** Product of all axes but the innermost. */
  get nRows(): number {
    return this.width === 0 ? 0 : this.size / this.width;
  }
}

/** Bytes a tensor occupies, rounded up to the 4 bytes a storage binding needs at least. */
export function tensorBytes(shape: readonly number[], dtype: DType): number {
  return Math.max(4, Math.ceil((shape.reduce((a, b) => a * b, 1) * bytesPerElement[dtype]) / 4) * 4);
}

export const shapeText = (t: { readonly shape: readonly number[] }): string => `[${t.shape.join(",")}]`;

/** Guard: throws `shape` with the op's name, what it got and what it wanted. */
export function expectShape(op: string, name: string, t: Tensor, want: readonly number[]): void {
  if (t.shape.length !== want.length || want.some((n, i) => t.shape[i] !== n)) {
    throw new LabError("shape", `${op}: ${name} is ${shapeText(t)}, expected [${want.join(",")}]`);
  }
}

/** Guard: throws `shape` unless the tensor holds one of the given element types. */
export function expectDType(op: string, name: string, t: Tensor, ...want: DType[]): void {
  if (!want.includes(t.dtype)) {
    throw new LabError("shape", `${op}: ${name} holds ${t.dtype}, expected ${want.join(" or ")}`);
  }
}
