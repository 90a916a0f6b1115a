import { attentionOf, colourAt, css, type Shade } from "../charts/colour.ts";

/** The attention scale with the weights that lie on it. */
export function AttentionLegend({ shade }: { readonly shade: Shade }) {
  const colours = Array.from({ length: 9 }, (_, i) => css(colourAt("attention", shade, i / 8)));
  return (
    <div
      className="ramp num"
      role="img"
      aria-label="Colours: from no attention to all of it; a quarter lies in the middle"
    >
      <div
        className="ramp-bar"
        style={{ backgroundImage: `linear-gradient(to right, ${colours.join(", ")})` }}
      />
      {[0, 0.05, 0.25, 1].map((weight) => (
        <span key={weight} style={{ left: `${100 * attentionOf(weight)}%` }}>
          {100 * weight} %
        </span>
      ))}
    </div>
  );
}
