/** One measured number, as it is written to `bench/results/`. */
export interface Row {
  readonly suite: string;
  readonly name: string;
  /** The median where `n` > 1. */
  readonly value: number;
  readonly unit: string;
  /** Samples; 1 for a count. */
  readonly n: number;
  /** Distance between the first and the third quartile of the samples, in `unit`. */
  readonly spread: number;
}

/** Linear interpolation between order statistics, `q` in [0, 1]. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  return a + (b - a) * (at - low);
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** The row of a sampled quantity. */
export function sampled(suite: string, name: string, unit: string, samples: readonly number[]): Row {
  const spread = quantile(samples, 0.75) - quantile(samples, 0.25);
  return { suite, name, value: median(samples), unit, n: samples.length, spread };
}

/** The row of something counted, which has no spread. */
export const counted = (suite: string, name: string, unit: string, value: number): Row => ({
  suite,
  name,
  value,
  unit,
  n: 1,
  spread: 0,
});

/**
 * Samples of every runner, taken in turns (A B A B …) so that a machine that slows down slows all of them.
 * A runner returns what it measured. Nothing is thrown away here: warm up before.
 */
export async function interleaved(
  n: number,
  runners: readonly (() => Promise<number>)[],
): Promise<number[][]> {
  const samples = runners.map((): number[] => []);
  for (let round = 0; round < n; round++) {
    // Every other round backwards, so that no runner is always the one after a rest.
    const order = runners.map((_, i) => (round % 2 === 0 ? i : runners.length - 1 - i));
    for (const i of order) samples[i]!.push(await runners[i]!());
  }
  return samples;
}
