/**
 * Element types of a checkpoint, and conversion between the floats. Little-endian throughout, as safetensors is
 * and as every machine with WebGPU is.
 */
import { LabError } from "../../lib/errors.ts";

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
 * at any address. Exact: every f16 and bf16 is an f32; NaN keeps its sign and payload.
 * Throws `unsupported` for a dtype that is no float, `shape` when bytes and elements do not fit.
 */
export function toFloat32(bytes: Uint8Array, dtype: Dtype, out?: Float32Array, outOffset = 0): Float32Array {
  if (!isFloatDtype(dtype)) throw new LabError("unsupported", `dtype ${dtype}: the lab reads F32, F16 and BF16`);
  const n = bytes.byteLength / (BITS[dtype] / 8);
  const into = out ?? new Float32Array(outOffset + n);
  if (!Number.isInteger(n) || outOffset + n > into.length) {
    throw new LabError("shape", `${bytes.byteLength} bytes of ${dtype} do not fit ${into.length - outOffset} floats`);
  }
  if (dtype === "F32") {
    new Uint8Array(into.buffer, into.byteOffset + 4 * outOffset, bytes.byteLength).set(bytes);
    return into;
  }
  const halves = alignedU16(bytes);
  const bits = new Uint32Array(into.buffer, into.byteOffset + 4 * outOffset, n);
  if (dtype === "BF16") {
    for (let i = 0; i < n; i++) bits[i] = halves[i]! << 16;
  } else {
    const table = (f16Table ??= makeF16Table());
    for (let i = 0; i < n; i++) bits[i] = table[halves[i]!]!;
  }
  return into;
}

/**
 * f32 → f16 bits, rounding to nearest, ties to even (IEEE 754 §4.3.1); subnormals kept, overflow (from 65520)
 * to infinity, NaN to a quiet NaN of the same sign.
 */
export function toFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = halfBits(bits[i]!);
  return out;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 is the tie between 65504 and 65536
  if (magnitude >= 0x38800000) {
    // 2⁻¹⁴ and up: re-bias the exponent by 112, round away 13 bits; a carry runs into the exponent as it should
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // 2⁻²⁵ ties to even, that is to 0
  const shift = 126 - (magnitude >>> 23); // units of 2⁻²⁴
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** The bytes as u16, copied only when they begin at an odd address. */
function alignedU16(bytes: Uint8Array): Uint16Array {
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(even.buffer, even.byteOffset, even.byteLength / 2);
}

let f16Table: Uint32Array | undefined;

/** f32 bits of all 65,536 halves: value = ±2^(e−15)(1+m/1024), e = 0 → ±m·2⁻²⁴, e = 31 → ±∞ or NaN. */
function makeF16Table(): Uint32Array {
  const table = new Uint32Array(65536);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 31) {
      table[half] = sign | 0x7f800000 | (mantissa << 13);
    } else if (exponent === 0) {
      float[0] = mantissa * 2 ** -24;
      table[half] = sign | bits[0]!;
    } else {
      table[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    }
  }
  return table;
}
