import { describe, expect, test } from "vitest";
import type { MaskedSequence } from "../lm/batch.ts";
import { fineTuningPlan, type FineTuning, holdOut, paddedLength } from "./train_run.ts";

const options: FineTuning = {
  nSteps: 10,
  lr: 0.5,
  finalLr: 0.1,
  warmup: 2,
  schedule: "linear",
  batchSize: 3,
  microBatch: 2,
  seed: 4,
  clip: 1,
};
/** Example k is [k, k, …], k + 2 tokens long. */
const examples = Array.from({ length: 7 }, (_, k): MaskedSequence => {
  return { ids: Array.from({ length: k + 2 }, () => k), mask: Array.from({ length: k + 2 }, (_, t) => (t > 0 ? 1 : 0)) };
});
const orderOf = (seed: number, nSteps: number): number[] => {
  const plan = fineTuningPlan(examples, 64, { ...options, seed });
  const rowsOf = (step: number): number[] =>
    plan.batchesAt(step).batches.flatMap(({ rows, length, ids }) => Array.from({ length: rows }, (_, r) => ids[r * length]!));
  return Array.from({ length: nSteps }, (_, step) => rowsOf(step)).flat();
};

describe("the order of the examples", () => {
  test("every epoch has each example once, in another order", () => {
    const order = orderOf(4, 7);
    const epochs = [order.slice(0, 7), order.slice(7, 14), order.slice(14, 21)];
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(new Set(epochs.map(String)).size).toBe(3);
  });

  test("depends on the seed and on the step, on nothing before", () => {
    expect(orderOf(4, 7)).toEqual(orderOf(4, 7));
    expect(orderOf(4, 7)).not.toEqual(orderOf(5, 7));
    const plan = fineTuningPlan(examples, 64, options);
    const later = plan.batchesAt(6);
    plan.batchesAt(0);
    expect(plan.batchesAt(6)).toEqual(later);
    expect(fineTuningPlan(examples, 64, options).batchesAt(6)).toEqual(later);
  });

  test("micro-batches share one normaliser, and padding is no token", () => {
    const { batches, nTokens } = fineTuningPlan(examples, 64, options).batchesAt(1);
    expect(batches.map(({ rows }) => rows)).toEqual([2, 1]);
    const weights = batches.flatMap(({ weights: some }) => [...some].filter((w) => w > 0));
    expect(new Set(weights).size).toBe(1);
    expect(weights[0]).toBe(Math.fround(1 / weights.length));
    expect(nTokens).toBe(weights.length + 3);
    for (const { length } of batches) expect(length).toBe(16);
  });

  test("the learning rate is the schedule's", () => {
    const { learningRateAt } = fineTuningPlan(examples, 64, { ...options, nSteps: 12 });
    expect([0, 1, 2, 7].map(learningRateAt)).toEqual([0.25, 0.5, 0.5, 0.275]);
  });

  test("nothing to learn from is refused", () => {
    expect(() => fineTuningPlan([], 64, options)).toThrow("no example to learn from");
  });
});

test("padded lengths are few, long enough and inside the context", () => {
  expect([1, 16, 17, 25, 33, 49, 100, 129, 200, 400].map((n) => paddedLength(n, 512))).toEqual([
    16, 16, 24, 32, 48, 64, 128, 192, 256, 512,
  ]);
  expect([1, 60, 64].map((n) => paddedLength(n, 60))).toEqual([16, 60, 64]);
  for (let n = 1; n <= 300; n++) expect(paddedLength(n, 300)).toBeGreaterThanOrEqual(n);
  for (let n = 1; n <= 300; n++) expect(paddedLength(n, 300)).toBeLessThanOrEqual(300);
});

test("holding out takes a seeded part and never all", () => {
  const all = Array.from({ length: 10 }, (_, i) => i);
  const [kept, held] = holdOut(all, 0.25, 1);
  expect(held).toHaveLength(3);
  expect([...kept, ...held].toSorted((a, b) => a - b)).toEqual(all);
  expect(holdOut(all, 0.25, 1)).toEqual([kept, held]);
  expect(holdOut(all, 0.25, 2)).not.toEqual([kept, held]);
  expect(holdOut([7], 0.5, 1)).toEqual([[7], []]);
  expect(holdOut(all, 0, 1)[1]).toEqual([]);
});
