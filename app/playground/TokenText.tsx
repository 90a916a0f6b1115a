import { memo, useId, type CSSProperties, type KeyboardEvent, type PointerEvent } from "react";
import type { ScoredToken } from "../../lab/protocol.ts";
import { colourAt, css, surpriseOf, type Shade } from "../charts/colour.ts";
import { percent, spoken } from "../charts/format.ts";
import type { Chunks } from "../store/state.ts";
import { chunkSize, countTokens } from "../store/tokens.ts";

interface TokenTextProps {
  readonly chunks: Chunks;
  readonly label: string;
  readonly shade: Shade;
  readonly isBusy: boolean;
  /** The token whose numbers are shown, or −1. */
  readonly active: number;
  readonly onActive: (index: number) => void;
}

/** Where a key press leads among n tokens; null for a key that does not move. */
export function moveToken(at: number, press: string, n: number): number | null {
  if (n === 0) return null;
  if (press === "ArrowRight" || press === "ArrowDown") return Math.min(n - 1, at + 1);
  if (press === "ArrowLeft" || press === "ArrowUp") return Math.max(0, at - 1);
  if (press === "Home") return 0;
  return press === "End" ? n - 1 : null;
}

/** A text as the model sees it: every token tinted by how unexpected it was. One stop for the Tab key, arrows inside. */
export function TokenText({ chunks, label, shade, isBusy, active, onActive }: TokenTextProps) {
  const id = useId();
  const n = countTokens(chunks);
  if (n === 0) return null;
  const point = (event: PointerEvent<HTMLElement>): void => {
    const index = (event.target as HTMLElement).closest<HTMLElement>("[data-token]")?.dataset["token"];
    if (index !== undefined && Number(index) !== active) onActive(Number(index));
  };
  const press = (event: KeyboardEvent<HTMLElement>): void => {
    const next = moveToken(active, event.key, n);
    if (next === null) return;
    event.preventDefault();
    onActive(next);
    document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <div
      className="tokens"
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      aria-busy={isBusy}
      aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
      tabIndex={0}
      onFocus={() => active < 0 && onActive(0)}
      onPointerMove={point}
      onPointerDown={point}
      onKeyDown={press}
    >
      {chunks.map((chunk, i) => {
        const from = i * chunkSize;
        const isHere = active >= from && active < from + chunkSize;
        return <Run key={i} tokens={chunk} from={from} id={id} shade={shade} active={isHere ? active : -1} />;
      })}
    </div>
  );
}

interface RunProps {
  readonly tokens: readonly ScoredToken[];
  readonly from: number;
  readonly id: string;
  readonly shade: Shade;
  readonly active: number;
}

/** A run of tokens; a full one is drawn once and stays, however long the text grows. */
const Run = memo(function Run({ tokens, from, id, shade, active }: RunProps) {
  return tokens.map((token, i) => (
    <TokenMark
      key={i}
      token={token}
      index={from + i}
      id={`${id}-${from + i}`}
      shade={shade}
      isActive={active === from + i}
    />
  ));
});

interface MarkProps {
  readonly token: ScoredToken;
  readonly index: number;
  readonly id: string;
  readonly shade: Shade;
  readonly isActive: boolean;
}

const TokenMark = memo(function TokenMark({ token, index, id, shade, isActive }: MarkProps) {
  const { logprob, piece, isSpecial = false } = token;
  const words = logprob === null ? "the first token, nothing came before it" : percent(Math.exp(logprob));
  const style =
    logprob === null
      ? undefined
      : ({ "--tint": css(colourAt("surprise", shade, surpriseOf(logprob))) } as CSSProperties);
  return (
    <span
      id={id}
      data-token={index}
      role="option"
      aria-selected={isActive}
      aria-label={`${spoken(piece)}, ${words}`}
      className={`token${logprob === null ? " unscored" : ""}${isSpecial ? " mark-token" : ""}`}
      style={style}
    >
      {shown(piece)}
    </span>
  );
});

/** Line ends get a sign before they break the line; an empty piece would be nothing to point at. */
const shown = (piece: string): string => (piece === "" ? "·" : piece.replaceAll("\n", "↵\n"));
