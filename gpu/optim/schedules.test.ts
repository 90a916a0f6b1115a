import { expect, test } from "vitest";
import { expectClose, float64, printed } from "../../lib/testing/close.ts";
import { constantSchedule, cosineSchedule, linearSchedule, wsdSchedule } from "./schedules.ts";

const cosine = { peak: 1e-3, floor: 1e-4, nWarmup: 10, nSteps: 110 };
const wsd = { peak: 1e-3, floor: 0, nWarmup: 10, nSteps: 110, decayFrom: 90 };

test.each([
  [0, 1e-4],
  [4, 5e-4],
  [9, 1e-3],
  [35, 8.68198e-4],
  [60, 5.5e-4],
  [110, 1e-4],
])("cosine, worked example: step %i", (s, lr) => expectClose(cosineSchedule(cosine, s), lr, printed(9)));

test.each([
  [89, 1e-3],
  [95, 7.5e-4],
  [100, 5e-4],
  [110, 0],
])("wsd with a linear tail, worked example: step %i", (s, lr) =>
  expectClose(wsdSchedule({ ...wsd, tail: "linear" }, s), lr, float64(4, 1)),
);

test.each([
  [89, 1e-3],
  [95, 5e-4],
  [100, 2.92893e-4],
  [110, 0],
])("wsd with a root tail, worked example: step %i", (s, lr) =>
  expectClose(wsdSchedule(wsd, s), lr, printed(9)),
);

test("wsd decays over the last fifth unless told otherwise", () => {
  const o = { peak: 1, floor: 0, nWarmup: 0, nSteps: 100 };
  expect([79, 80, 81].map((s) => wsdSchedule(o, s) < 1)).toEqual([false, false, true]);
});

test("linear goes from the peak to the floor in equal steps", () => {
  expectClose(linearSchedule(cosine, 10), 1e-3, float64(4, 1));
  expectClose(linearSchedule(cosine, 60), 5.5e-4, float64(4, 1));
  expectClose(linearSchedule(cosine, 110), 1e-4, float64(4, 1));
});

test.each([constantSchedule, cosineSchedule, linearSchedule, wsdSchedule])(
  "%o: no warm-up, and a warm-up as long as the run",
  (schedule) => {
    expectClose(schedule({ peak: 2, floor: 1, nWarmup: 0, nSteps: 10 }, 0), 2, 0);
    expectClose(schedule({ peak: 2, floor: 1, nWarmup: 4, nSteps: 4 }, 3), 2, 0);
    expect(Number.isFinite(schedule({ peak: 2, floor: 1, nWarmup: 4, nSteps: 4 }, 4))).toBe(true);
  },
);
