import type { AttentionSummary } from "../../lab/protocol.ts";
import { attentionOf, colourAt, css, inkOn } from "../charts/colour.ts";
import { spoken } from "../charts/format.ts";
import { Figure } from "../shell/Figure.tsx";
import { useLab, useShade } from "../shell/lab_context.tsx";
import { look } from "../store/attend.ts";

interface SinkProps {
  readonly summary: AttentionSummary;
  readonly layer: number;
  readonly head: number;
}

/** How much of each head's attention rests on the first token: a table that is its own figure. */
export function SinkFigure({ summary, layer, head }: SinkProps) {
  const lab = useLab();
  const shade = useShade();
  const { nLayer, nHead, sink, tokens } = summary;
  const heads = Array.from({ length: nHead }, (_, i) => i);
  const layers = Array.from({ length: nLayer }, (_, i) => i);
  const at = (l: number, h: number): number => sink[l * nHead + h] ?? 0;
  const style = (value: number) => {
    const colour = colourAt("attention", shade, attentionOf(value));
    return { backgroundColor: css(colour), color: css(inkOn(colour)) };
  };
  return (
    <Figure
      title="Attention on the first token"
      about={`Heads with nothing to do often rest on the very first token, here ${spoken(tokens[0]?.piece ?? "")}: an attention sink. Percent of each head’s attention, averaged over all later tokens.`}
      name="benchtop-sink"
      isReady
      rows={() =>
        layers.flatMap((l) => heads.map((h) => ({ layer: l, head: h, "on the first token": at(l, h) })))
      }
    >
      <div
        className="table-box plain"
        role="region"
        aria-label="Attention on the first token, by layer and head"
        tabIndex={0}
      >
        <table className="heat num">
          <caption className="hidden">Percent of attention on the first token, by layer and head</caption>
          <thead>
            <tr>
              <th scope="col">
                Layer<span aria-hidden> ↓ head →</span>
              </th>
              {heads.map((h) => (
                <th key={h} scope="col">
                  <span className="hidden">Head </span>
                  {h}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map((l) => (
              <tr key={l}>
                <th scope="row">{l}</th>
                {heads.map((h) => (
                  <td
                    key={h}
                    className={l === layer && h === head ? "chosen" : undefined}
                    style={style(at(l, h))}
                    onClick={() => void look(lab, l, h)}
                  >
                    {(100 * at(l, h)).toFixed(0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Figure>
  );
}
