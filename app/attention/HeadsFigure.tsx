import { useEffect, useMemo, useRef } from "react";
import { Radio, RadioGroup } from "react-aria-components";
import type { AttentionSummary } from "../../lab/protocol.ts";
import { table, type Shade } from "../charts/colour.ts";
import { decimal, percent } from "../charts/format.ts";
import { headOf, paint, poolMax } from "../charts/pattern.ts";
import { Segments } from "../form/Segments.tsx";
import { canvasPicture, saveBlob } from "../charts/save.ts";
import { Figure } from "../shell/Figure.tsx";
import { useLab, useShade } from "../shell/lab_context.tsx";
import { look } from "../store/attend.ts";
import type { LayerPattern } from "../store/state.ts";

interface HeadsProps {
  readonly summary: AttentionSummary;
  readonly pattern: LayerPattern | null;
  readonly layer: number;
  readonly head: number;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Columns that fill their rows evenly, four where nothing does. */
export const columnsOf = (nHead: number): number =>
  [4, 3, 5].find((n) => nHead % n === 0) ?? Math.min(nHead, 4);

/** All heads of one layer side by side; choosing one enlarges it. */
export function HeadsFigure({ summary, pattern, layer, head }: HeadsProps) {
  const lab = useLab();
  const shade = useShade();
  const grid = useRef<HTMLDivElement>(null);
  const save = async (): Promise<void> => {
    const pictures = [...(grid.current?.querySelectorAll("canvas") ?? [])];
    const picture = await canvasPicture(sheetOf(pictures, columnsOf(summary.nHead)));
    if (picture !== null) saveBlob(`benchtop-heads-layer-${layer}.png`, picture);
  };
  const at = (values: Float32Array, h: number): number => values[layer * summary.nHead + h] ?? 0;
  return (
    <Figure
      title="The heads of a layer"
      about="Each square is one head. A row is a token that looks, a column the token it looks at; the stronger the colour, the more."
      name={`benchtop-heads-layer-${layer}`}
      isReady={pattern !== null}
      save={[{ label: "Picture (PNG)", run: save }]}
      rows={() =>
        range(summary.nHead).map((h) => ({
          layer,
          head: h,
          "mean entropy (nats)": at(summary.entropy, h),
          "on the first token": at(summary.sink, h),
        }))
      }
    >
      <div className="layer-picker">
        <span className="label" aria-hidden>
          Layer
        </span>
        <Segments
          label="Layer"
          value={layer}
          options={range(summary.nLayer).map((id) => ({ id, label: String(id) }))}
          onChange={(next) => void look(lab, next, head)}
        />
      </div>
      <RadioGroup
        ref={grid}
        className="heads"
        style={{ gridTemplateColumns: `repeat(${columnsOf(summary.nHead)}, minmax(0, 1fr))` }}
        aria-label={`Heads of layer ${layer}`}
        orientation="horizontal"
        value={String(head)}
        onChange={(next) => void look(lab, layer, Number(next))}
      >
        {range(summary.nHead).map((h) => (
          <Radio
            key={h}
            value={String(h)}
            className="head"
            aria-label={`Head ${h}, entropy ${decimal(at(summary.entropy, h))} nats, ${percent(at(summary.sink, h))} on the first token`}
          >
            <HeadPicture pattern={pattern} head={h} shade={shade} />
            <span className="head-name num">{h}</span>
          </Radio>
        ))}
      </RadioGroup>
    </Figure>
  );
}

/** Several small pictures on one sheet, left to right and down. */
function sheetOf(pictures: readonly HTMLCanvasElement[], nColumns: number): HTMLCanvasElement {
  const [tile, gap] = [240, 16];
  const sheet = Object.assign(document.createElement("canvas"), {
    width: nColumns * (tile + gap) - gap,
    height: Math.ceil(pictures.length / nColumns) * (tile + gap) - gap,
  });
  const context = sheet.getContext("2d");
  if (context === null) return sheet;
  context.imageSmoothingEnabled = false;
  for (const [i, picture] of pictures.entries()) {
    const [x, y] = [(i % nColumns) * (tile + gap), Math.floor(i / nColumns) * (tile + gap)];
    context.drawImage(picture, x, y, tile, tile);
  }
  return sheet;
}

/** Cells along a side of the small picture; more tokens are pooled. */
const side = 112;

function HeadPicture({
  pattern,
  head,
  shade,
}: {
  readonly pattern: LayerPattern | null;
  readonly head: number;
  readonly shade: Shade;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const small = useMemo(
    () =>
      pattern === null
        ? null
        : poolMax(headOf(pattern.pattern, pattern.nTokens, head), pattern.nTokens, side),
    [pattern, head],
  );
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (small === null || context == null || canvas.current === null) return;
    canvas.current.width = canvas.current.height = small.side;
    context.putImageData(
      new ImageData(paint(small.weights, small.side, table("attention", shade)), small.side, small.side),
      0,
      0,
    );
  }, [small, shade]);
  return <canvas ref={canvas} className="head-picture" width={1} height={1} aria-hidden />;
}
