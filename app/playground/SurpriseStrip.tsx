import { memo, useMemo } from "react";
import type { ScoredToken } from "../../lab/protocol.ts";
import { colourAt, css, surpriseOf, type Shade } from "../charts/colour.ts";
import { surpriseBars } from "../charts/surprise.ts";

/** Nats at the top of the strip: one in a thousand, as on the colour scale. */
const topNats = Math.log(1000);
const size = { width: 600, height: 44 } as const;

interface StripProps {
  readonly tokens: readonly ScoredToken[];
  readonly shade: Shade;
  readonly active: number;
  readonly label: string;
  readonly onActive: (index: number) => void;
}

/** Surprise along the text: tall where the model was wrong-footed. A picture for the pointer; the keyboard moves in the text. */
export function SurpriseStrip({ tokens, shade, active, label, onActive }: StripProps) {
  const step = size.width / Math.max(1, tokens.length);
  const point = (event: React.PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * tokens.length);
    if (index >= 0 && index < tokens.length && index !== active) onActive(index);
  };
  return (
    <svg
      className="strip"
      viewBox={`0 0 ${size.width} ${size.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerDown={point}
    >
      {active >= 0 && (
        <rect className="strip-active" x={active * step} y={0} width={step} height={size.height} />
      )}
      <Bars tokens={tokens} shade={shade} />
    </svg>
  );
}

const Bars = memo(function Bars({ tokens, shade }: Pick<StripProps, "tokens" | "shade">) {
  const bars = useMemo(() => surpriseBars(tokens, size.width, size.height, topNats), [tokens]);
  return bars.map((bar) => (
    <rect
      key={bar.index}
      x={bar.x}
      y={bar.y}
      width={bar.width}
      height={bar.height}
      fill={css(colourAt("surprise", shade, 0.35 + 0.65 * surpriseOf(-bar.value)))}
    />
  ));
});
