import { colourAt, css, surpriseOf, type Shade } from "../charts/colour.ts";

const stops = [
  ["sure", 1],
  ["1 in 3", 1 / 3],
  ["1 in 10", 0.1],
  ["1 in 100", 0.01],
  ["1 in 1000", 0.001],
] as const;

/** What the tints mean. */
export function SurpriseLegend({ shade }: { readonly shade: Shade }) {
  return (
    <ul className="legend" aria-label="Colours: how probable the model found a token">
      {stops.map(([label, p]) => (
        <li
          key={label}
          style={{ backgroundColor: css(colourAt("surprise", shade, surpriseOf(Math.log(p)))) }}
        >
          {label}
        </li>
      ))}
    </ul>
  );
}
