/**
 * Learning-rate schedules as pure functions of the step index s = 0 … nSteps − 1.
 * Source: karpathy/llm.c `llmc/schedulers.h`; methods reference B §1.4.
 */

export interface Schedule {
  /** Learning rate at the end of the warm-up. */
  readonly peak: number;
  /** Learning rate at s = nSteps. */
  readonly floor: number;
  /** Steps of linear warm-up: peak·(s + 1)/nWarmup, so step 0 is not zero. */
  readonly nWarmup: number;
  readonly nSteps: number;
}

/** Warm-up, then `peak` for ever. */
export const constantSchedule = (o: Schedule, s: number): number => warmedUp(o, s, () => o.peak);

/** Warm-up, then floor + ½(peak − floor)(1 + cos πr) with r = (s − W)/(T − W). */
export function cosineSchedule(o: Schedule, s: number): number {
  return warmedUp(o, s, (r) => o.floor + 0.5 * (o.peak - o.floor) * (1 + Math.cos(Math.PI * r)));
}

/** Warm-up, then peak − r(peak − floor) with r = (s − W)/(T − W). */
export function linearSchedule(o: Schedule, s: number): number {
  return warmedUp(o, s, (r) => o.peak - r * (o.peak - o.floor));
}

/**
 * Warm-up, stable, decay: warm-up, `peak` until step `decayFrom` (default 0.8·T), then down to the floor with
 * r = (s − S)/(T − S) as floor + (peak − floor)(1 − √r), or linearly.
 */
export function wsdSchedule(
  o: Schedule & { readonly decayFrom?: number; readonly tail?: "sqrt" | "linear" },
  s: number,
): number {
  const from = o.decayFrom ?? 0.8 * o.nSteps;
  return warmedUp(o, s, () => {
    if (s < from) return o.peak;
    const r = fraction(s, from, o.nSteps);
    return o.floor + (1 - (o.tail === "linear" ? r : Math.sqrt(r))) * (o.peak - o.floor);
  });
}

const fraction = (s: number, from: number, to: number): number =>
  to > from ? Math.min(1, (s - from) / (to - from)) : 1;

function warmedUp(o: Schedule, s: number, after: (r: number) => number): number {
  return s < o.nWarmup ? (o.peak * (s + 1)) / o.nWarmup : after(fraction(s, o.nWarmup, o.nSteps));
}
