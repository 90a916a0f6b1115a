/** Where the large map lies in its box, and the labels and lines over it. */
import type { Token } from "../../lab/protocol.ts";
import { pageColours, type Shade } from "../charts/colour.ts";
import { visible } from "../charts/format.ts";
import { labelStep, type Cell } from "../charts/pattern.ts";

export interface MapLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

const fontSize = 12;
const characterWidth = 6.6;
const longestLabel = 12;
/** The map is never larger than this, nor higher than the window less what stands around it. */
const largest = 760;
const around = 320;
const smallest = 300;

/** A square map with room for labels: left of the rows and above the columns. */
export function mapLayout(width: number, windowHeight: number, tokens: readonly Token[]): MapLayout {
  const longest = Math.min(longestLabel, Math.max(2, ...tokens.map((token) => visible(token.piece).length)));
  const room = Math.min(Math.ceil(longest * characterWidth) + 10, Math.floor(width / 4));
  const size = Math.max(
    0,
    Math.min(width - room - 1, largest, Math.max(smallest, windowHeight - around - room)),
  );
  return { width, height: size + room + 1, left: room, top: room, size };
}

const short = (piece: string): string => {
  const text = visible(piece).replace(/^␣(?=.)/, "");
  return text.length > longestLabel ? `${text.slice(0, longestLabel - 1)}…` : text;
};

/** Labels on both axes, thinned where they would overlap, with the chosen row and column marked. */
export function drawFrame(
  context: CanvasRenderingContext2D,
  layout: MapLayout,
  tokens: readonly Token[],
  cell: Cell,
  shade: Shade,
  fontFamily: string,
): void {
  const { left, top, size } = layout;
  const step = size / tokens.length;
  const every = labelStep(step, fontSize + 3);
  const { ink, quiet, line } = pageColours[shade];
  const middle = (i: number): number => (i + 0.5) * step;
  context.font = `${fontSize}px ${fontFamily}`;
  context.textBaseline = "middle";

  const labels = (chosen: number, place: (i: number) => void): void => {
    context.fillStyle = quiet;
    for (let i = 0; i < tokens.length; i += every) {
      if (i !== chosen && Math.abs(i - chosen) * step >= fontSize + 1) place(i);
    }
    context.fillStyle = ink;
    context.font = `600 ${fontSize}px ${fontFamily}`;
    place(chosen);
    context.font = `${fontSize}px ${fontFamily}`;
  };
  context.textAlign = "right";
  labels(cell.query, (i) => context.fillText(short(tokens[i]?.piece ?? ""), left - 6, top + middle(i)));
  context.textAlign = "left";
  labels(cell.key, (i) => {
    context.save();
    context.translate(left + middle(i), top - 6);
    context.rotate(-Math.PI / 2);
    context.fillText(short(tokens[i]?.piece ?? ""), 0, 0);
    context.restore();
  });

  // The triangle a token can see.
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left - 0.5, top);
  context.lineTo(left - 0.5, top + size + 0.5);
  context.lineTo(left + size, top + size + 0.5);
  context.stroke();

  // The row and the column of the cell: outlined where cells are large, a hair line where they are not.
  context.strokeStyle = ink;
  context.globalAlpha = 0.55;
  context.beginPath();
  if (step >= 5) {
    context.rect(left + 0.5, top + cell.query * step, (cell.query + 1) * step - 1, step);
    context.rect(left + cell.key * step, top + cell.key * step + 0.5, step, size - cell.key * step - 1);
  } else {
    const [x, y] = [Math.round(left + middle(cell.key)) + 0.5, Math.round(top + middle(cell.query)) + 0.5];
    context.moveTo(left, y);
    context.lineTo(left + (cell.query + 1) * step, y);
    context.moveTo(x, top + cell.key * step);
    context.lineTo(x, top + size);
  }
  context.stroke();
  context.globalAlpha = 1;
  context.lineWidth = 2;
  const side = Math.max(step, 6);
  context.strokeRect(left + middle(cell.key) - side / 2, top + middle(cell.query) - side / 2, side, side);
}
