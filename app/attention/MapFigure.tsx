import { useMemo, useRef, useState, type RefObject } from "react";
import type { AttentionSummary } from "../../lab/protocol.ts";
import type { Shade } from "../charts/colour.ts";
import { percent, spoken } from "../charts/format.ts";
import { headOf, strongest, type Cell } from "../charts/pattern.ts";
import { canvasPicture, saveBlob, type Row } from "../charts/save.ts";
import { Figure } from "../shell/Figure.tsx";
import { useShade } from "../shell/lab_context.tsx";
import type { LayerPattern } from "../store/state.ts";
import { AttentionLegend } from "./AttentionLegend.tsx";
import { BigMap } from "./BigMap.tsx";
import { RowText } from "./RowText.tsx";

interface MapFigureProps {
  readonly summary: AttentionSummary;
  readonly pattern: LayerPattern | null;
  readonly layer: number;
  readonly head: number;
}

/** Rows of the table: every pair a token can see, with its weight. */
function pairs(tokens: AttentionSummary["tokens"], weights: Float32Array): Row[] {
  const T = tokens.length;
  return tokens.flatMap((from, q) =>
    tokens.slice(0, q + 1).map((to, k) => ({
      from: q,
      "from token": from.piece,
      to: k,
      "to token": to.piece,
      weight: weights[q * T + k] ?? 0,
    })),
  );
}

/** One head, large enough to read every cell. */
export function MapFigure({ summary, pattern, layer, head }: MapFigureProps) {
  const shade = useShade();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { tokens } = summary;
  const T = tokens.length;
  // A layer that was fetched for a shorter text must never be read with a longer one.
  const weights = useMemo(
    () => (pattern !== null && pattern.nTokens === T ? headOf(pattern.pattern, T, head) : null),
    [pattern, T, head],
  );
  const name = `benchtop-attention-layer-${layer}-head-${head}`;
  const save = async (): Promise<void> => {
    const picture = canvas.current === null ? null : await canvasPicture(canvas.current);
    if (picture !== null) saveBlob(`${name}.png`, picture);
  };
  return (
    <Figure
      title={`Layer ${layer}, head ${head}`}
      name={name}
      isReady={weights !== null}
      rows={() => (weights === null ? [] : pairs(tokens, weights))}
      save={[{ label: "Picture (PNG)", run: save }]}
      tools={<AttentionLegend shade={shade} />}
    >
      <Reading
        canvas={canvas}
        tokens={tokens}
        weights={weights}
        shade={shade}
        label={`Attention of layer ${layer}, head ${head}`}
      />
    </Figure>
  );
}

interface ReadingProps {
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  readonly tokens: AttentionSummary["tokens"];
  readonly weights: Float32Array | null;
  readonly shade: Shade;
  readonly label: string;
}

/** The map and what is read from it. The chosen cell lives here, so that pointing draws nothing else again. */
function Reading({ canvas, tokens, weights, shade, label }: ReadingProps) {
  const [chosen, setChosen] = useState<Cell | null>(null);
  const T = tokens.length;
  const cell =
    chosen !== null && chosen.query < T ? chosen : { query: T - 1, key: favourite(weights, T, T - 1) };
  return (
    <>
      <BigMap
        ref={canvas}
        tokens={tokens}
        weights={weights}
        shade={shade}
        cell={cell}
        onCell={setChosen}
        label={label}
      />
      <output className="readout num">
        {weights === null ? "Fetching this layer…" : sentence(tokens, weights, cell)}
      </output>
      {weights !== null && (
        <RowText
          tokens={tokens}
          weights={weights}
          row={cell.query}
          shade={shade}
          onRow={(query) => setChosen({ query, key: favourite(weights, T, query) })}
        />
      )}
    </>
  );
}

/** The token a row looks at most. */
const favourite = (weights: Float32Array | null, nTokens: number, query: number): number =>
  weights === null
    ? 0
    : (strongest(weights.subarray(query * nTokens, query * nTokens + query + 1), 1)[0]?.key ?? 0);

/** A cell in words. */
export function sentence(
  tokens: AttentionSummary["tokens"],
  weights: Float32Array,
  { query, key }: Cell,
): string {
  const [from, to] = [tokens[query], tokens[key]];
  if (from === undefined || to === undefined) return "";
  const weight = percent(weights[query * tokens.length + key] ?? 0);
  const target = query === key ? "itself" : `${spoken(to.piece)} at ${key + 1}`;
  return `${spoken(from.piece)} at ${query + 1} gives ${weight} of its attention to ${target}.`;
}
