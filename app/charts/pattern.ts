/** Attention patterns [H, T, T] as pictures: one colour per cell, rows are the tokens that look. */
import { attentionOf } from "./colour.ts";

/** A view of one head's [T, T] weights. */
export const headOf = (pattern: Float32Array, nTokens: number, head: number): Float32Array =>
  pattern.subarray(head * nTokens * nTokens, (head + 1) * nTokens * nTokens);

/**
 * [T, T] → [size, size] by the largest weight in each block, so that a thin line is not lost when the picture is
 * small. A picture at least as large as the map is the map itself.
 */
export function poolMax(
  weights: Float32Array,
  nTokens: number,
  size: number,
): { readonly side: number; readonly weights: Float32Array } {
  if (size >= nTokens) return { side: nTokens, weights };
  const pooled = new Float32Array(size * size);
  const block = new Int32Array(nTokens);
  for (let i = 0; i < nTokens; i++) block[i] = Math.floor((i * size) / nTokens);
  for (let q = 0; q < nTokens; q++) {
    const row = block[q]! * size;
    for (let k = 0; k <= q; k++) {
      const at = row + block[k]!;
      const weight = weights[q * nTokens + k]!;
      if (weight > pooled[at]!) pooled[at] = weight;
    }
  }
  return { side: size, weights: pooled };
}

/** RGBA of a [side, side] map; cells above the diagonal, which no token can see, stay clear. */
export function paint(
  weights: Float32Array,
  side: number,
  colours: Uint8ClampedArray,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * side * side);
  for (let q = 0; q < side; q++) {
    for (let k = 0; k <= q; k++) {
      const at = q * side + k;
      const colour = 4 * Math.round(255 * attentionOf(weights[at]!));
      rgba[4 * at] = colours[colour]!;
      rgba[4 * at + 1] = colours[colour + 1]!;
      rgba[4 * at + 2] = colours[colour + 2]!;
      rgba[4 * at + 3] = 255;
    }
  }
  return rgba;
}

export interface Cell {
  readonly query: number;
  readonly key: number;
}

/** The cell under a point of a square map `size` wide; null above the diagonal or outside. */
export function cellAt(x: number, y: number, size: number, nTokens: number): Cell | null {
  const key = Math.floor((x / size) * nTokens);
  const query = Math.floor((y / size) * nTokens);
  return key >= 0 && query < nTokens && key <= query ? { query, key } : null;
}

/** The cell a key press leads to; null for a key that does not move. The diagonal is a wall. */
export function moveCell({ query, key }: Cell, press: string, nTokens: number): Cell | null {
  const last = nTokens - 1;
  switch (press) {
    case "ArrowUp":
      return query > 0 ? { query: query - 1, key: Math.min(key, query - 1) } : { query, key };
    case "ArrowDown":
      return { query: Math.min(last, query + 1), key };
    case "ArrowLeft":
      return { query, key: Math.max(0, key - 1) };
    case "ArrowRight":
      return { query, key: Math.min(query, key + 1) };
    case "Home":
      return { query, key: 0 };
    case "End":
      return { query, key: query };
    case "PageUp":
      return { query: Math.max(0, query - 10), key: Math.min(key, Math.max(0, query - 10)) };
    case "PageDown":
      return { query: Math.min(last, query + 10), key };
    default:
      return null;
  }
}

/** Every how many tokens a label fits on an axis whose cells are `cellSize` wide and labels `lineHeight` high. */
export const labelStep = (cellSize: number, lineHeight: number): number =>
  Math.max(1, Math.ceil(lineHeight / cellSize));

/** The keys a query looks at most, best first. */
export function strongest(row: Float32Array, n: number): { readonly key: number; readonly weight: number }[] {
  return Array.from(row, (weight, key) => ({ key, weight }))
    .sort((a, b) => b.weight - a.weight || a.key - b.key)
    .slice(0, n);
}
