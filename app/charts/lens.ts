/** The logit lens as a strip of cells, depth by position: which of them are on the screen, and where. */
export const lensCell = { width: 76, height: 26 } as const;

export interface LensWindow {
  /** First and last-but-one position to draw. */
  readonly from: number;
  readonly to: number;
}

/** The positions that can be seen in a strip scrolled to `scroll`. */
export function lensWindow(scroll: number, width: number, nTokens: number): LensWindow {
  const from = Math.max(0, Math.floor(scroll / lensCell.width));
  return { from, to: Math.min(nTokens, Math.ceil((scroll + width) / lensCell.width)) };
}

/** Cell under a point of the whole strip; row 0 is the model's own answer, the last row the embedding. */
export function lensCellAt(
  x: number,
  y: number,
  nRows: number,
  nTokens: number,
): { readonly depth: number; readonly position: number } | null {
  const position = Math.floor(x / lensCell.width);
  const row = Math.floor(y / lensCell.height);
  if (position < 0 || position >= nTokens || row < 0 || row >= nRows) return null;
  return { depth: nRows - 1 - row, position };
}

/** The cell a key press leads to; null for a key that does not move. Up is deeper into the model. */
export function moveLens(
  cell: { readonly depth: number; readonly position: number },
  press: string,
  nRows: number,
  nTokens: number,
) {
  const { depth, position } = cell;
  switch (press) {
    case "ArrowUp":
      return { depth: Math.min(nRows - 1, depth + 1), position };
    case "ArrowDown":
      return { depth: Math.max(0, depth - 1), position };
    case "ArrowLeft":
      return { depth, position: Math.max(0, position - 1) };
    case "ArrowRight":
      return { depth, position: Math.min(nTokens - 1, position + 1) };
    case "Home":
      return { depth, position: 0 };
    case "End":
      return { depth, position: nTokens - 1 };
    default:
      return null;
  }
}
