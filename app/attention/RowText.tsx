import { memo, useEffect, useMemo, useRef, type PointerEvent } from "react";
import type { Token } from "../../lab/protocol.ts";
import { attentionOf, colourAt, css, inkOn, type Shade } from "../charts/colour.ts";

interface RowTextProps {
  readonly tokens: readonly Token[];
  /** [T, T] weights of one head. */
  readonly weights: Float32Array;
  readonly row: number;
  readonly shade: Shade;
  readonly onRow: (row: number) => void;
}

const nShades = 64;

/**
 * One row of the map laid over the text itself: what the chosen token looks at. For the eye; the map says the same
 * to the keyboard. The words are drawn once and only their colours follow the row, so that a long text keeps up.
 */
export function RowText({ tokens, weights, row, shade, onRow }: RowTextProps) {
  const box = useRef<HTMLParagraphElement>(null);
  const colours = useMemo(
    () =>
      Array.from({ length: nShades }, (_, i) => {
        const colour = colourAt("attention", shade, i / (nShades - 1));
        return { paper: css(colour), ink: css(inkOn(colour)) };
      }),
    [shade],
  );
  useEffect(() => {
    const from = row * tokens.length;
    for (const [i, word] of [...(box.current?.children ?? [])].entries()) {
      const { style, classList } = word as HTMLElement;
      const colour =
        i <= row ? colours[Math.round(attentionOf(weights[from + i] ?? 0) * (nShades - 1))] : undefined;
      style.backgroundColor = colour?.paper ?? "";
      style.color = colour?.ink ?? "";
      classList.toggle("looks", i === row);
    }
  }, [tokens, weights, row, colours]);
  const point = (event: PointerEvent<HTMLElement>): void => {
    const at = (event.target as HTMLElement).closest<HTMLElement>("[data-token]")?.dataset["token"];
    if (at !== undefined && Number(at) !== row) onRow(Number(at));
  };
  return (
    <p
      ref={box}
      className="row-text"
      aria-hidden
      onPointerDown={point}
      onPointerMove={(event) => event.pointerType === "mouse" && point(event)}
    >
      <Words tokens={tokens} />
    </p>
  );
}

const Words = memo(function Words({ tokens }: Pick<RowTextProps, "tokens">) {
  return tokens.map((token, i) => (
    <span key={i} data-token={i} className="row-token">
      {token.piece === "\n" ? "↵\n" : token.piece}
    </span>
  ));
});
