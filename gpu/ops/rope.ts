import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";
import { expectFused, expectRoom, fusedWidth, type Heads } from "./attention_layout.ts";

export const ropeKernel = defineKernel({
  name: "rope",
  bindings: { x: "read", table: "read", y: "read_write" },
  uniforms: {
    n_pairs: "u32",
    pairs_per_row: "u32",
    rotated_pairs: "u32",
    pairs_per_head: "u32",
    n_half: "u32",
    seq_len: "u32",
    position: "u32",
    sign: "f32",
  },
});

export interface RopeOptions extends Heads {
  /** T: row b·T + t of qkv is at position `position + t`. */
  readonly seqLen: number;
  /** Position of the first row of each sequence; a Dynamic one must stay below n_positions − seqLen + 1. */
  readonly position: number | Dynamic;
}

/**
 * Rotates the query and key heads of fused rows by their positions, in the half-rotation layout of Hugging
 * Face and GPT-NeoX, and copies the values. The rotary width is twice the width of the table; elements of a
 * head beyond it stay as they are.
 * qkv, result: [B·T, (nHead + 2·nKvHead)·dHead] f32; table: [n_positions, rotary width / 2, 2] f32 (cos, sin).
 * Gradient of qkv: the rotation by −φ (with a table scaled by μ, its transpose). None of the table.
 * Throws `shape`. Source: Su et al. 2021 (arXiv 2104.09864), eq. 34.
 */
export function rope(r: Recorder, qkv: Tensor, table: Tensor, options: RopeOptions): Tensor {
  const { nHead, nKvHead, dHead, seqLen, position } = options;
  expectFused("rope", qkv, options, seqLen);
  expectDType("rope", "table", table, "f32");
  const [nPositions = 0, nHalf = 0] = table.shape;
  if (dHead % 2 !== 0) throw new LabError("shape", `rope: heads of ${dHead} cannot be rotated in pairs`);
  if (table.shape.length !== 3 || table.width !== 2 || 2 * nHalf > dHead) {
    throw new LabError("shape", `rope: table is ${shapeText(table)}, expected [n_positions,at most ${dHead / 2},2]`);
  }
  expectRoom("rope", "the table", nPositions, { seqLen, position });
  return rotate(r, qkv, 1);

  function rotate(rec: Recorder, x: Tensor, sign: 1 | -1): Tensor {
    const y = rec.empty(x.shape, "f32", sign === 1 ? "rope" : "rope.dx");
    const uniforms = {
      n_pairs: x.size / 2,
      pairs_per_row: fusedWidth(options) / 2,
      rotated_pairs: ((nHead + nKvHead) * dHead) / 2,
      pairs_per_head: dHead / 2,
      n_half: nHalf,
      seq_len: seqLen,
      position,
      sign,
    };
    rec.dispatch(ropeKernel, { bind: { x, table, y }, uniforms, grid: fold(Math.ceil(x.size / 2 / 64)) });
    if (sign === 1) rec.onBackward(y, [x], (dy) => [rotate(rec, dy, -1)]);
    return y;
  }
}

/** θ_m = theta^(−2m/width) for m < width/2: the angles per position of plain RoPE, in float64. */
export function ropeFrequencies(theta: number, width: number): Float64Array {
  return Float64Array.from({ length: width / 2 }, (_, m) => theta ** ((-2 * m) / width));
}

/**
 * The table `rope` reads: (cos, sin) of p·frequencies[m] for p < nPositions, flat [n_positions, n_half, 2],
 * computed in float64 and rounded once. `magnitude` multiplies both (YaRN's μ = 0.1·ln f + 1).
 * The language promises only 2⁻¹¹ absolute for its own sin and cos, and less for large angles.
 */
export function ropeTable(frequencies: Float64Array, nPositions: number, magnitude = 1): Float32Array<ArrayBuffer> {
  const nHalf = frequencies.length;
  const table = new Float32Array(nPositions * nHalf * 2);
  for (let p = 0; p < nPositions; p++) {
    for (let m = 0; m < nHalf; m++) {
      const angle = p * frequencies[m]!;
      table[(p * nHalf + m) * 2] = magnitude * Math.cos(angle);
      table[(p * nHalf + m) * 2 + 1] = magnitude * Math.sin(angle);
    }
  }
  return table;
}

/**
 * Float64 twin of `rope`, and with `sign` −1 of its gradient. `table` is flat [n_positions, nHalf, 2];
 * `position` is a number.
 */
export function ropeTwin(
  x: ArrayLike<number>,
  table: ArrayLike<number>,
  nHalf: number,
  { nHead, nKvHead, dHead, seqLen, position }: RopeOptions & { readonly position: number },
  sign: 1 | -1 = 1,
): Float64Array {
  const width = fusedWidth({ nHead, nKvHead, dHead });
  const y = Float64Array.from(x);
  for (let row = 0; row < x.length / width; row++) {
    const p = position + (row % seqLen);
    for (let h = 0; h < nHead + nKvHead; h++) {
      for (let m = 0; m < nHalf; m++) {
        const i = row * width + h * dHead + m;
        const cos = table[(p * nHalf + m) * 2]!;
        const sin = sign * table[(p * nHalf + m) * 2 + 1]!;
        y[i] = x[i]! * cos - x[i + nHalf]! * sin;
        y[i + nHalf] = x[i + nHalf]! * cos + x[i]! * sin;
      }
    }
  }
  return y;
}
