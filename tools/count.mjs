// @ts-check
/** Sums what the tiers of `npm test` report. */

/** @typedef {{passed: number, failed: number, skipped: number}} Count */

/** @type {Readonly<Count>} */
export const none = Object.freeze({ passed: 0, failed: 0, skipped: 0 });

/** @param {readonly Count[]} counts @returns {Count} */
export const sum = (counts) =>
  counts.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    none,
  );

/** The last line of a run. @param {Count} count */
export const summary = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/**
 * Tests in Vitest's JSON report. A file that failed without a failed test (it did not load, or a hook threw)
 * counts as one failure.
 * @param {{testResults?: {status: string, assertionResults?: {status: string}[]}[]}} report
 * @returns {Count}
 */
export function countVitest(report) {
  return sum(
    (report.testResults ?? []).map(({ status, assertionResults = [] }) => {
      /** @param {string[]} names */
      const n = (...names) => assertionResults.filter((a) => names.includes(a.status)).length;
      const passed = n("passed");
      const skipped = n("pending", "skipped", "todo", "disabled");
      const failed = assertionResults.length - passed - skipped;
      return { passed, failed: status === "failed" && failed === 0 ? 1 : failed, skipped };
    }),
  );
}

/**
 * Tests in Playwright's JSON report; an error outside of any test counts as one failure, a flaky test as
 * failed.
 * @param {{stats?: {expected: number, unexpected: number, flaky: number, skipped: number}, errors?: unknown[]}} report
 * @returns {Count}
 */
export function countPlaywright({ stats, errors = [] }) {
  if (!stats) return { ...none, failed: 1 };
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  };
}

/**
 * The count of a tier from its report and its exit code: a tier that crashed, wrote no report, failed without
 * saying what, or ran nothing although it has test files, has failed.
 * @param {{count: Count | null, exitCode: number, filesExist: boolean}} facts
 * @returns {Count}
 */
export function judge({ count, exitCode, filesExist }) {
  if (count === null) return { ...none, failed: 1 };
  if (exitCode !== 0 && count.failed === 0) return { ...count, failed: 1 };
  const ran = count.passed + count.failed + count.skipped;
  return filesExist && ran === 0 ? { ...none, failed: 1 } : count;
}
