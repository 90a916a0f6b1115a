import { memo } from "react";
import type { Token } from "../../lab/protocol.ts";
import { attentionOf, colourAt, css, inkOn, type Shade } from "../charts/colour.ts";

interface RowTextProps {
  readonly tokens: readonly Token[];
  readonly weights: Float32Array;
  readonly row: number;
  readonly shade: Shade;
  readonly onRow: (row: number) => void;
}

/** One row of the map laid over the text itself: what the chosen token looks at. For the eye; the map says the same to the keyboard. */
export const RowText = memo(function RowText({ tokens, weights, row, shade, onRow }: RowTextProps) {
  const point = (event: React.PointerEvent<HTMLElement>): void => {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-token]")?.dataset["token"];
    if (at !== undefined) onRow(Number(at));
  };
  const from = row * tokens.length;
  return (
    <p
      className="row-text"
      aria-hidden
      onPointerDown={point}
      onPointerMove={(event) => event.pointerType === "mouse" && point(event)}
    >
      {tokens.map((token, i) => (
        <RowToken
          key={i}
          index={i}
          piece={token.piece}
          weight={i <= row ? (weights[from + i] ?? 0) : null}
          isRow={i === row}
          shade={shade}
        />
      ))}
    </p>
  );
});

interface RowTokenProps {
  readonly index: number;
  readonly piece: string;
  /** Null for tokens after the one that looks: it cannot see them. */
  readonly weight: number | null;
  readonly isRow: boolean;
  readonly shade: Shade;
}

const RowToken = memo(function RowToken({ index, piece, weight, isRow, shade }: RowTokenProps) {
  const colour = colourAt("attention", shade, attentionOf(weight ?? 0));
  const style = weight === null ? undefined : { backgroundColor: css(colour), color: css(inkOn(colour)) };
  return (
    <span
      data-token={index}
      className={`row-token${isRow ? " looks" : ""}${weight === null ? " unseen" : ""}`}
      style={style}
    >
      {piece === "\n" ? "↵\n" : piece}
    </span>
  );
});
