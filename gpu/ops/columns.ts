import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";
import { fill } from "./fill.ts";

export const sliceColumnsKernel = defineKernel({
  name: "slice_columns",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", n_cols: "u32", width: "u32", first: "u32" },
});

export const concatColumnsKernel = defineKernel({
  name: "concat_columns",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32", n_cols: "u32", width: "u32", first: "u32" },
});

/**
 * Columns from … to − 1 of the innermost axis. x: [..., width], result: [..., to − from], f32.
 * Gradient: dy in those columns, zero in the others. Throws `shape` unless 0 ≤ from < to ≤ width.
 */
export function sliceColumns(r: Recorder, x: Tensor, from: number, to: number): Tensor {
  expectDType("sliceColumns", "x", x, "f32");
  const { width } = x;
  if (![from, to].every(Number.isInteger) || from < 0 || from >= to || to > width) {
    throw new LabError("shape", `sliceColumns: columns ${from} to ${to} of x ${shapeText(x)}, expected 0 ≤ from < to ≤ ${width}`);
  }
  const nCols = to - from;
  const y = r.empty([...x.shape.slice(0, -1), nCols], "f32", "slice_columns");
  r.dispatch(sliceColumnsKernel, {
    bind: { x, y },
    uniforms: { n: y.size, n_cols: nCols, width, first: from },
    grid: fold(Math.ceil(y.size / 64)),
  });
  r.onBackward(y, [x], (dy) => {
    const dx = fill(r, x.shape, 0);
    place(r, dy, dx, from);
    return [dx];
  });
  return y;
}

/**
 * The parts beside each other along the innermost axis, one dispatch per part.
 * parts: [..., n_i] with equal leading axes, result: [..., Σ n_i], f32. Gradient: each part its columns of dy.
 * Throws `shape` when there is no part or the leading axes differ.
 */
export function concatColumns(r: Recorder, parts: readonly Tensor[]): Tensor {
  const [head] = parts;
  if (head === undefined) throw new LabError("shape", "concatColumns: no parts");
  const leading = head.shape.slice(0, -1);
  parts.forEach((part, i) => {
    expectDType("concatColumns", `part ${i}`, part, "f32");
    if (part.shape.length !== head.shape.length || leading.some((n, axis) => part.shape[axis] !== n)) {
      throw new LabError("shape", `concatColumns: part ${i} is ${shapeText(part)}, part 0 is ${shapeText(head)}; all axes but the last must be equal`);
    }
  });
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const firsts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.width, 0));
  const y = r.empty([...leading, width], "f32", "concat_columns");
  parts.forEach((part, i) => place(r, part, y, firsts[i]!));
  r.onBackward(y, parts, (dy, needs) =>
    parts.map((part, i) => (needs[i] ? sliceColumns(r, dy, firsts[i]!, firsts[i]! + part.width) : null)),
  );
  return y;
}

/** Writes part [n_rows, n_cols] to columns `first` … of y. */
function place(r: Recorder, part: Tensor, y: Tensor, first: number): void {
  r.dispatch(concatColumnsKernel, {
    bind: { x: part, y },
    uniforms: { n: part.size, n_cols: part.width, width: y.width, first },
    grid: fold(Math.ceil(part.size / 64)),
  });
}

/** Twin of `sliceColumns`. */
export function sliceColumnsTwin(x: ArrayLike<number>, width: number, from: number, to: number): Float64Array {
  const nCols = to - from;
  const y = new Float64Array((x.length / width) * nCols);
  for (let i = 0; i < y.length; i++) y[i] = x[Math.floor(i / nCols) * width + from + (i % nCols)]!;
  return y;
}

/** Twin of `concatColumns`; `parts` are [values, width]. */
export function concatColumnsTwin(parts: readonly (readonly [ArrayLike<number>, number])[]): Float64Array {
  const width = parts.reduce((sum, [, n]) => sum + n, 0);
  const nRows = parts[0]![0].length / parts[0]![1];
  const y = new Float64Array(nRows * width);
  let first = 0;
  for (const [values, n] of parts) {
    for (let i = 0; i < values.length; i++) y[Math.floor(i / n) * width + first + (i % n)] = values[i]!;
    first += n;
  }
  return y;
}
