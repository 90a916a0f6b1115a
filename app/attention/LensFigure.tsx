import { useEffect, useMemo, useId, useRef, useState } from "react";
import type { AttentionSummary } from "../../lab/protocol.ts";
import { colourAt, css, pageColours, type Shade } from "../charts/colour.ts";
import { percent, spoken, visible } from "../charts/format.ts";
import { lensCell, lensCellAt, lensWindow, moveLens } from "../charts/lens.ts";
import { canvasPicture, saveBlob, type Row } from "../charts/save.ts";
import { Segments } from "../form/Segments.tsx";
import type { AttentionValues } from "../link/pages.ts";
import { Figure } from "../shell/Figure.tsx";
import { useLab, useLabState, useShade } from "../shell/lab_context.tsx";
import { change } from "../store/settings.ts";
import { prepare, useWidth } from "./use_canvas.ts";

type By = AttentionValues["lens"];
type Summary = AttentionSummary;

const depthName = (depth: number, nLayer: number): string =>
  depth === 0 ? "embedding" : depth === nLayer ? "answer" : `layer ${depth - 1}`;

function rowsOf({ lens, tokens }: Summary): Row[] {
  return tokens.flatMap((token, position) =>
    lens.map((row, depth) => ({
      position,
      token: token.piece,
      depth,
      guess: row.top[position]?.piece ?? "",
      "probability of the guess": row.probability[position] ?? 0,
      "probability of what comes": position + 1 < tokens.length ? (row.nextProbability[position] ?? 0) : null,
    })),
  );
}

/** Logit lens: what the model would say next if it stopped after each layer. */
export function LensFigure({ summary }: { readonly summary: Summary }) {
  const lab = useLab();
  const shade = useShade();
  const by = useLabState((state) => state.attention.lens);
  const canvas = useRef<HTMLCanvasElement>(null);
  const save = async (): Promise<void> => {
    const picture = canvas.current === null ? null : await canvasPicture(canvas.current);
    if (picture !== null) saveBlob("benchtop-lens.png", picture);
  };
  return (
    <Figure
      title="What each layer would say next"
      about="If the model had to answer after every layer (the “logit lens”). Read a column from the bottom, where the token enters, to the top, the model’s own answer; a guess in bold is the token that really comes."
      name="benchtop-lens"
      isReady
      rows={() => rowsOf(summary)}
      save={[{ label: "Picture of what is in view (PNG)", run: save }]}
      tools={
        <Segments
          label="Shade the cells by"
          value={by}
          options={[
            { id: "guess", label: "Sure of its guess" },
            { id: "truth", label: "Belief in what comes" },
          ]}
          onChange={(lens) => change(lab, "attention", { lens })}
        />
      }
    >
      <Strip ref={canvas} summary={summary} by={by} shade={shade} />
    </Figure>
  );
}

interface StripProps {
  readonly ref: React.RefObject<HTMLCanvasElement | null>;
  readonly summary: Summary;
  readonly by: By;
  readonly shade: Shade;
}

const headHeight = 26;

function Strip({ ref, summary, by, shade }: StripProps) {
  const id = useId();
  const [box, width] = useWidth<HTMLDivElement>();
  const [scroll, setScroll] = useState(0);
  const { lens, tokens, nLayer } = summary;
  const T = tokens.length;
  const [wanted, setCell] = useState({ depth: nLayer, position: Math.max(0, T - 2) });
  const cell = useMemo(
    () => (wanted.position < T && wanted.depth < lens.length ? wanted : { depth: 0, position: 0 }),
    [wanted, T, lens.length],
  );
  const height = headHeight + lens.length * lensCell.height;

  useEffect(() => {
    if (ref.current === null || width === 0) return;
    const context = prepare(ref.current, width, height);
    if (context !== null)
      drawStrip(
        context,
        { summary, by, shade, scroll, width, cell },
        getComputedStyle(ref.current).fontFamily,
      );
  }, [ref, summary, by, shade, scroll, width, height, cell]);

  const point = (event: React.PointerEvent<HTMLElement>): void => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const next = lensCellAt(event.clientX - left + scroll, event.clientY - top - headHeight, lens.length, T);
    if (next !== null) setCell(next);
  };
  const press = (event: React.KeyboardEvent): void => {
    const next = moveLens(cell, event.key, lens.length, T);
    if (next === null) return;
    event.preventDefault();
    setCell(next);
    const element = box.current;
    if (element === null) return;
    const x = next.position * lensCell.width;
    if (x < element.scrollLeft) element.scrollTo({ left: x });
    if (x + lensCell.width > element.scrollLeft + width)
      element.scrollTo({ left: x + lensCell.width - width });
  };
  return (
    <div className="lens">
      <ol className="lens-depths num" style={{ paddingTop: headHeight }} aria-hidden>
        {lens.map((_, i) => (
          <li key={i} style={{ height: lensCell.height }}>
            {depthName(nLayer - i, nLayer)}
          </li>
        ))}
      </ol>
      <div
        ref={box}
        className="lens-box"
        role="application"
        aria-roledescription="lens"
        aria-label="What each layer would say next, by depth and position"
        aria-describedby={id}
        tabIndex={0}
        onScroll={(event) => setScroll(event.currentTarget.scrollLeft)}
        onKeyDown={press}
      >
        <div style={{ width: T * lensCell.width, height }}>
          <div
            className="lens-face"
            style={{ width: Math.min(width || 1, T * lensCell.width), height }}
            onPointerMove={point}
            onPointerDown={point}
          >
            <canvas ref={ref} style={{ width, height }} aria-hidden />
          </div>
        </div>
      </div>
      <p id={id} className="hidden">
        Left and right choose the position, up and down the depth. The sentence below reads the cell.
      </p>
      <output className="readout num">{sentence(summary, cell.depth, cell.position)}</output>
    </div>
  );
}

/** A cell in words. */
export function sentence({ lens, tokens, nLayer }: Summary, depth: number, position: number): string {
  const row = lens[depth];
  const guess = row?.top[position];
  if (row === undefined || guess === undefined) return "";
  const where =
    depth === 0 ? "before the first layer" : depth === nLayer ? "at the end" : `after layer ${depth - 1}`;
  const next = tokens[position + 1];
  const truth =
    next === undefined
      ? ""
      : ` What really comes, ${spoken(next.piece)}, gets ${percent(row.nextProbability[position] ?? 0)}.`;
  return `After ${spoken(tokens[position]?.piece ?? "")} at ${position + 1}, ${where}: ${spoken(guess.piece)} with ${percent(row.probability[position] ?? 0)}.${truth}`;
}

interface Drawing {
  readonly summary: Summary;
  readonly by: By;
  readonly shade: Shade;
  readonly scroll: number;
  readonly width: number;
  readonly cell: { readonly depth: number; readonly position: number };
}

/** Draws the cells in view and nothing else, however long the text is. */
function drawStrip(
  context: CanvasRenderingContext2D,
  { summary, by, shade, scroll, width, cell }: Drawing,
  fontFamily: string,
): void {
  const { lens, tokens } = summary;
  const { from, to } = lensWindow(scroll, width, tokens.length);
  const { ink, quiet } = pageColours[shade];
  const text = (piece: string, x: number, y: number, weight: number): void => {
    context.font = `${weight} 13px ${fontFamily}`;
    const label = visible(piece).replace(/^␣(?=.)/, "");
    context.fillText(label.length > 9 ? `${label.slice(0, 8)}…` : label, x + 6, y + lensCell.height / 2);
  };
  context.textBaseline = "middle";
  for (let position = from; position < to; position++) {
    const x = position * lensCell.width - scroll;
    context.fillStyle = position === cell.position ? ink : quiet;
    text(tokens[position]?.piece ?? "", x, 0, position === cell.position ? 600 : 400);
    for (const [depth, row] of lens.entries()) {
      const y = headHeight + (lens.length - 1 - depth) * lensCell.height;
      const p = (by === "guess" ? row.probability : row.nextProbability)[position] ?? 0;
      const top = row.top[position];
      context.fillStyle = css(colourAt("belief", shade, Math.min(1, Math.max(0, p))));
      context.fillRect(x, y, lensCell.width - 1, lensCell.height - 1);
      context.fillStyle = ink;
      text(top?.piece ?? "", x, y, top?.id === tokens[position + 1]?.id && top !== undefined ? 700 : 400);
    }
  }
  context.strokeStyle = ink;
  context.lineWidth = 2;
  context.strokeRect(
    cell.position * lensCell.width - scroll + 1,
    headHeight + (lens.length - 1 - cell.depth) * lensCell.height + 1,
    lensCell.width - 3,
    lensCell.height - 3,
  );
}
