/**
 * Element types of a checkpoint, and how its floats become f32. Little-endian throughout, as safetensors is and
 * as every machine with WebGPU is. (Back to f16: `floatToHalf` of lib/half.ts.)
 */
import { LabError } from "../../lib/errors.ts";
import { bfloat16ToFloat, halfToFloat } from "../../lib/half.ts";

/** safetensors element type → bits per element. Source: safetensors format, methods of the `Dtype` enum. */
const BITS = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
} as const;

export type Dtype = keyof typeof BITS;
/** The element types that the lab turns into numbers. */
export type FloatDtype = "F32" | "F16" | "BF16";

/** Whether a word names an element type. */
export function isDtype(word: unknown): word is Dtype {
  return typeof word === "string" && Object.hasOwn(BITS, word);
}

/** Whether the lab can compute with this element type. */
export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** Bits per element. */
export function bitsOf(dtype: Dtype): number {
  return BITS[dtype];
}

/**
 * Little-endian elements → f32, into `out` from `outOffset` (elements), or into a new array. The bytes may begin
 * at any address. Exact: every f16 and bf16 is an f32.
 * Throws `unsupported` for a dtype that is no float, `shape` when bytes and elements do not fit.
 */
export function toFloat32(bytes: Uint8Array, dtype: Dtype, out?: Float32Array, outOffset = 0): Float32Array {
  if (!isFloatDtype(dtype))
    throw new LabError("unsupported", `dtype ${dtype}: the lab reads F32, F16 and BF16`);
  const itemBytes = BITS[dtype] / 8;
  const n = Math.floor(bytes.byteLength / itemBytes);
  if (n * itemBytes !== bytes.byteLength)
    throw new LabError("shape", `${bytes.byteLength} bytes are no whole ${dtype}`);
  const into = out ?? new Float32Array(outOffset + n);
  if (outOffset + n > into.length) {
    throw new LabError("shape", `${n} elements from ${outOffset} on do not fit an array of ${into.length}`);
  }
  if (dtype === "F32") {
    new Uint8Array(into.buffer, into.byteOffset + 4 * outOffset, bytes.byteLength).set(bytes);
    return into;
  }
  into.set(dtype === "BF16" ? bfloat16ToFloat(alignedU16(bytes)) : halfToFloat(alignedU16(bytes)), outOffset);
  return into;
}

/** The bytes as u16, copied only when they begin at an odd address. */
function alignedU16(bytes: Uint8Array): Uint16Array {
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(even.buffer, even.byteOffset, even.byteLength / 2);
}
