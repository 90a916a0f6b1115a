import { useMemo, useRef } from "react";
import type { AttentionSummary } from "../../lab/protocol.ts";
import { funnel, pathOf, widestEntropy, type Frame } from "../charts/funnel.ts";
import { saveBlob, saveText, svgPicture, svgText } from "../charts/save.ts";
import { Figure } from "../shell/Figure.tsx";
import { useLab } from "../shell/lab_context.tsx";
import { look } from "../store/attend.ts";
import { useWidth } from "./use_canvas.ts";

interface FunnelProps {
  readonly summary: AttentionSummary;
  readonly layer: number;
  readonly head: number;
}

/** Drawn at the width it has on the page, so that its words keep their size. */
const frameOf = (width: number): Frame => ({
  width: width === 0 ? 520 : width,
  height: 290,
  left: 28,
  right: 8,
  top: 22,
  bottom: 40,
});

/** Entropy of every head by layer: wide looking at the bottom of the model often narrows towards its top. */
export function FunnelFigure({ summary, layer, head }: FunnelProps) {
  const lab = useLab();
  const svg = useRef<SVGSVGElement>(null);
  const { entropy, nLayer, nHead } = summary;
  const widest = widestEntropy(summary.tokens.length);
  const [box, width] = useWidth<HTMLDivElement>();
  const frame = useMemo(() => frameOf(width), [width]);
  const { x, y, yTicks, dots, mean } = useMemo(
    () => funnel(entropy, nLayer, nHead, widest, frame),
    [entropy, nLayer, nHead, widest, frame],
  );
  const save = async (): Promise<void> => {
    const picture = svg.current === null ? null : await svgPicture(svg.current);
    if (picture !== null) saveBlob("benchtop-funnel.png", picture);
  };
  return (
    <Figure
      title="How widely the heads look"
      about="Each dot is a head: high up it spreads its attention over many tokens, at the bottom it looks at one. The line is the mean of a layer. Choose a dot to enlarge that head."
      name="benchtop-funnel"
      isReady
      rows={() => dots.map((dot) => ({ layer: dot.layer, head: dot.head, "mean entropy (nats)": dot.value }))}
      save={[
        {
          label: "Drawing (SVG)",
          run: () =>
            void (svg.current && saveText("benchtop-funnel.svg", svgText(svg.current), "image/svg+xml")),
        },
        { label: "Picture (PNG)", run: save },
      ]}
    >
      <div ref={box}>
        <svg
          ref={svg}
          className="chart"
          viewBox={`0 0 ${frame.width} ${frame.height}`}
          role="img"
          aria-label={`Mean attention entropy by layer: ${mean.map((point) => `layer ${point.layer} ${point.value.toFixed(2)}`).join(", ")} nats`}
        >
          {yTicks.map((tick) => (
            <g key={tick}>
              <line
                className="grid"
                x1={frame.left}
                x2={frame.width - frame.right}
                y1={y(tick)}
                y2={y(tick)}
              />
              <text
                className="tick"
                x={frame.left - 8}
                y={y(tick)}
                textAnchor="end"
                dominantBaseline="middle"
              >
                {tick}
              </text>
            </g>
          ))}
          <text className="axis" x={0} y={10}>
            Entropy, nats
          </text>
          <line
            className="ceiling"
            x1={frame.left}
            x2={frame.width - frame.right}
            y1={y(widest)}
            y2={y(widest)}
          />
          <text className="axis" x={frame.width - frame.right} y={y(widest) - 6} textAnchor="end">
            looks at everything alike
          </text>
          {mean.map((point) => (
            <text
              key={point.layer}
              className="tick"
              x={x(point.layer)}
              y={frame.height - 22}
              textAnchor="middle"
            >
              {point.layer}
            </text>
          ))}
          <text
            className="axis"
            x={(frame.left + frame.width - frame.right) / 2}
            y={frame.height - 4}
            textAnchor="middle"
          >
            Layer
          </text>
          <path className="mean" d={pathOf(mean)} />
          {dots.map((dot) => (
            <circle
              key={`${dot.layer}-${dot.head}`}
              className={dot.layer === layer && dot.head === head ? "dot chosen" : "dot"}
              cx={dot.x}
              cy={dot.y}
              r={dot.layer === layer && dot.head === head ? 6 : 4.5}
              onClick={() => void look(lab, dot.layer, dot.head)}
            >
              <title>{`Layer ${dot.layer}, head ${dot.head}: ${dot.value.toFixed(2)} nats`}</title>
            </circle>
          ))}
        </svg>
      </div>
    </Figure>
  );
}
