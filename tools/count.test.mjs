// @ts-check
import { describe, expect, test } from "vitest";
import { countPlaywright, countVitest, judge, none, sum, summary } from "./count.mjs";
import { parseArguments, tierOf, tiers } from "./test.mjs";

/** @param {string} status @param {string[]} tests */
const file = (status, ...tests) => ({ status, assertionResults: tests.map((s) => ({ status: s })) });

describe("Vitest's report", () => {
  test("passed, failed, and all that did not run", () => {
    const report = {
      testResults: [
        file("failed", "passed", "failed", "pending", "todo"),
        file("passed", "passed", "skipped"),
      ],
    };
    expect(countVitest(report)).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });
  test("a file that did not load has failed, once", () => {
    expect(countVitest({ testResults: [file("failed")] })).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countVitest({ testResults: [file("failed", "passed")] })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });
  test("a status nobody knows is not a pass", () => {
    expect(countVitest({ testResults: [file("passed", "odd")] }).failed).toBe(1);
  });
});

describe("Playwright's report", () => {
  const stats = { expected: 3, unexpected: 1, flaky: 1, skipped: 2 };
  test("flaky tests and errors outside of tests have failed", () => {
    expect(countPlaywright({ stats, errors: [{}] })).toEqual({ passed: 3, failed: 3, skipped: 2 });
  });
  test("without its numbers it is a failure", () => {
    expect(countPlaywright({})).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe("a tier fails", () => {
  const good = { passed: 2, failed: 0, skipped: 0 };
  test("when it wrote no report", () => {
    expect(judge({ count: null, exitCode: 0, filesExist: true }).failed).toBe(1);
  });
  test("when it crashed after all tests had passed", () => {
    expect(judge({ count: good, exitCode: 1, filesExist: true })).toEqual({
      passed: 2,
      failed: 1,
      skipped: 0,
    });
  });
  test("when it ran nothing although there are files", () => {
    expect(judge({ count: none, exitCode: 0, filesExist: true }).failed).toBe(1);
    expect(judge({ count: none, exitCode: 0, filesExist: false }).failed).toBe(0);
  });
  test("not otherwise, and a failure counts once", () => {
    expect(judge({ count: good, exitCode: 0, filesExist: true })).toEqual(good);
    expect(judge({ count: { ...good, failed: 3 }, exitCode: 1, filesExist: true }).failed).toBe(3);
  });
});

test("sums, and says so in one plain line", () => {
  const total = sum([
    { passed: 1, failed: 2, skipped: 3 },
    { passed: 10, failed: 20, skipped: 30 },
  ]);
  expect(summary(total)).toBe("11 passed, 22 failed, 33 skipped");
  expect(sum([])).toEqual(none);
});

describe("arguments", () => {
  test("nothing asks for every tier", () => {
    expect(parseArguments([])).toEqual({ only: tiers, filters: [] });
  });
  test("tiers and words of paths", () => {
    expect(parseArguments(["--only", "unit,gpu", "gpu/ops"])).toEqual({
      only: ["unit", "gpu"],
      filters: ["gpu/ops"],
    });
    expect(parseArguments(["--only=e2e"])).toEqual({ only: ["e2e"], filters: [] });
    expect(parseArguments(["gpu/ops"])).toEqual({
      only: ["unit", "wgsl", "gpu", "e2e"],
      filters: ["gpu/ops"],
    });
  });
  test("anything else is refused", () => {
    expect(() => parseArguments(["--only", "unti"])).toThrow('got "unti"');
    expect(() => parseArguments(["--only"])).toThrow("--only");
    expect(() => parseArguments(["--watch"])).toThrow("unknown flag --watch");
  });
});

test.each([
  ["gpu/ops/a.test.ts", "unit"],
  ["app/a.test.tsx", "unit"],
  ["tools/count.test.mjs", "unit"],
  ["gpu/ops/a.gpu.test.ts", "gpu"],
  ["gpu/a.wgsl.test.ts", "wgsl"],
  ["e2e/smoke.spec.ts", "e2e"],
  ["tools/house.test.ts", "static"],
  ["gpu/a.ts", null],
  ["tools/test.mjs", null],
])("%s belongs to %s", (path, tier) => {
  expect(tierOf(path)).toBe(tier);
});
