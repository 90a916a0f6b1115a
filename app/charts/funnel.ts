/** The funnel: how widely each head spreads its attention, layer by layer. */
import { linear, ticks, type Scale } from "./scale.ts";

export interface FunnelDot {
  readonly layer: number;
  readonly head: number;
  readonly value: number;
  readonly x: number;
  readonly y: number;
}

export interface Funnel {
  readonly x: Scale;
  readonly y: Scale;
  readonly yTicks: readonly number[];
  readonly dots: readonly FunnelDot[];
  /** Mean over heads, one point a layer. */
  readonly mean: readonly {
    readonly layer: number;
    readonly value: number;
    readonly x: number;
    readonly y: number;
  }[];
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Mean over T queries of the widest entropy each could have, in nats: query i sees i + 1 tokens, so its widest is
 * ln(i + 1). Reached by a head that looks at everything alike.
 */
export function widestEntropy(nTokens: number): number {
  let sum = 0;
  for (let i = 1; i <= nTokens; i++) sum += Math.log(i);
  return nTokens === 0 ? 0 : sum / nTokens;
}

/** Heads of a layer stand side by side over a third of the layer's width, so that equal ones can be told apart. */
const spread = 1 / 3;

/** Geometry of values [L·H] in a frame; the y axis runs from 0 to `top` or the largest value. */
export function funnel(
  values: Float32Array,
  nLayer: number,
  nHead: number,
  top: number,
  frame: Frame,
): Funnel {
  const max = Math.max(top, ...values);
  const yTicks = ticks(max);
  const x = linear([-0.5, nLayer - 0.5], [frame.left, frame.width - frame.right]);
  const y = linear([0, Math.max(max, yTicks.at(-1) ?? 0)], [frame.height - frame.bottom, frame.top]);
  const dots: FunnelDot[] = [];
  const mean: Funnel["mean"][number][] = [];
  for (let layer = 0; layer < nLayer; layer++) {
    let sum = 0;
    for (let head = 0; head < nHead; head++) {
      const value = values[layer * nHead + head] ?? 0;
      sum += value;
      const aside = nHead === 1 ? 0 : spread * (head / (nHead - 1) - 0.5);
      dots.push({ layer, head, value, x: x(layer + aside), y: y(value) });
    }
    mean.push({ layer, value: sum / nHead, x: x(layer), y: y(sum / nHead) });
  }
  return { x, y, yTicks, dots, mean };
}

/** An SVG path through points. */
export const pathOf = (points: readonly { readonly x: number; readonly y: number }[]): string =>
  points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
