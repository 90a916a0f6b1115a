/** Straight scales and the round numbers on them. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
  readonly range: readonly [number, number];
}

/** y = r₀ + (x − d₀)/(d₁ − d₀) · (r₁ − r₀); an empty domain gives the middle of the range. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [d0, d1] = domain;
  const [r0, r1] = range;
  const at = (value: number): number =>
    d1 === d0 ? (r0 + r1) / 2 : r0 + ((value - d0) / (d1 - d0)) * (r1 - r0);
  return Object.assign(at, { domain, range });
}

/** Round numbers 1, 2 or 5 · 10ᵏ apart from 0 to at most `max`, about `n` of them. */
export function ticks(max: number, n = 4): number[] {
  if (!(max > 0)) return [0];
  const rough = max / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power;
  const out: number[] = [];
  for (let i = 0; i * step <= max * (1 + 1e-9); i++) out.push(Number((i * step).toPrecision(12)));
  return out;
}
