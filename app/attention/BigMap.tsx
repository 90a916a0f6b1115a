import { useEffect, useId, useMemo, useRef, type PointerEvent, type RefObject } from "react";
import type { Token } from "../../lab/protocol.ts";
import { table, type Shade } from "../charts/colour.ts";
import { cellAt, moveCell, paint, type Cell } from "../charts/pattern.ts";
import { drawFrame, mapLayout } from "./big_map_frame.ts";
import { prepare, useWidth, useWindowHeight } from "./use_canvas.ts";

interface BigMapProps {
  readonly ref: RefObject<HTMLCanvasElement | null>;
  readonly tokens: readonly Token[];
  readonly weights: Float32Array | null;
  readonly shade: Shade;
  readonly cell: Cell;
  readonly onCell: (cell: Cell) => void;
  readonly label: string;
}

/**
 * One head as a picture of T × T cells. The cells are painted once per head; pointing at one draws only the lines and
 * labels that lie over them, so 512 tokens answer as fast as ten.
 */
export function BigMap({ ref, tokens, weights, shade, cell, onCell, label }: BigMapProps) {
  const id = useId();
  const [box, width] = useWidth<HTMLDivElement>();
  const over = useRef<HTMLCanvasElement>(null);
  const T = tokens.length;
  const windowHeight = useWindowHeight();
  const layout = useMemo(() => mapLayout(width, windowHeight, tokens), [width, windowHeight, tokens]);
  const picture = useMemo(() => {
    if (weights === null || typeof document === "undefined") return null;
    const canvas = Object.assign(document.createElement("canvas"), { width: T, height: T });
    canvas
      .getContext("2d")
      ?.putImageData(new ImageData(paint(weights, T, table("attention", shade)), T, T), 0, 0);
    return canvas;
  }, [weights, T, shade]);

  useEffect(() => {
    if (ref.current === null || layout.size <= 0) return;
    const context = prepare(ref.current, layout.width, layout.height);
    if (context === null || picture === null) return;
    context.imageSmoothingEnabled = layout.size < T;
    context.drawImage(picture, layout.left, layout.top, layout.size, layout.size);
  }, [ref, picture, layout, T]);

  useEffect(() => {
    if (over.current === null || layout.size <= 0) return;
    const context = prepare(over.current, layout.width, layout.height);
    if (context !== null)
      drawFrame(context, layout, tokens, cell, shade, getComputedStyle(over.current).fontFamily);
  }, [layout, tokens, cell, shade]);

  const point = (event: PointerEvent<HTMLElement>): void => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const next = cellAt(event.clientX - left - layout.left, event.clientY - top - layout.top, layout.size, T);
    if (next !== null && (next.query !== cell.query || next.key !== cell.key)) onCell(next);
  };
  return (
    <div ref={box} className="big-map">
      <div
        className="big-map-face"
        role="application"
        aria-roledescription="attention map"
        aria-label={label}
        aria-describedby={id}
        tabIndex={0}
        style={{ height: layout.height, touchAction: "pan-y" }}
        onPointerMove={point}
        onPointerDown={point}
        onKeyDown={(event) => {
          const next = moveCell(cell, event.key, T);
          if (next === null) return;
          event.preventDefault();
          onCell(next);
        }}
      >
        <canvas ref={ref} style={{ width: layout.width, height: layout.height }} aria-hidden />
        <canvas
          ref={over}
          className="over"
          style={{ width: layout.width, height: layout.height }}
          aria-hidden
        />
      </div>
      <p id={id} className="hidden">
        Up and down choose the token that looks, left and right the token it looks at. The sentence below the
        map reads the cell.
      </p>
    </div>
  );
}
