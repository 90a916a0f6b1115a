// @ts-check
/**
 * `npm test`: installs what is missing, runs every tier, and ends in `N passed, N failed, N skipped`.
 *   npm test                             all tiers: static, unit, wgsl, gpu, build, e2e
 *   npm test -- --only unit,gpu          some of them
 *   npm test -- --only gpu gpu/ops       test files whose path contains one of the words
 * BENCHTOP_NO_INSTALL=1 keeps it from installing anything but packages. With CI set, a tier whose adapter or
 * browser is missing fails instead of being skipped.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countPlaywright, countVitest, judge, none, sum, summary } from "./count.mjs";
import { ensurePackages } from "./packages.mjs";
import { isMain, root, run } from "./shell.mjs";

/** @typedef {import("./count.mjs").Count} Count */

export const tiers = /** @type {const} */ (["static", "unit", "wgsl", "gpu", "build", "e2e"]);
/** @typedef {(typeof tiers)[number]} Tier */

const reports = join(root, ".cache/test");
const usage = `npm test -- [--only ${tiers.join(",")}] [words of paths …]`;

/**
 * Tiers and path filters asked for; throws on anything else.
 * @param {readonly string[]} args
 * @returns {{only: readonly Tier[], filters: string[]}}
 */
export function parseArguments(args) {
  /** @type {Tier[]} */
  const only = [];
  const filters = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const list =
      arg === "--only" ? (args[++i] ?? "") : arg.startsWith("--only=") ? arg.slice("--only=".length) : null;
    if (list === null && arg.startsWith("-")) throw new Error(`unknown flag ${arg}; usage: ${usage}`);
    if (list === null) filters.push(arg);
    else {
      for (const name of list.split(",")) {
        const tier = tiers.find((t) => t === name);
        if (!tier) throw new Error(`--only: got "${name}", expected some of ${tiers.join(", ")}`);
        only.push(tier);
      }
    }
  }
  if (only.length > 0) return { only, filters };
  // A word of a path says nothing to the compiler or the bundler.
  return { only: filters.length > 0 ? ["unit", "wgsl", "gpu", "e2e"] : tiers, filters };
}

/** The tier a test file belongs to, or null. @param {string} path from the root @returns {Tier | null} */
export function tierOf(path) {
  if (/^e2e\/.*\.spec\.ts$/.test(path)) return "e2e";
  if (path === "tools/house.test.ts") return "static";
  if (/\.gpu\.test\.tsx?$/.test(path)) return "gpu";
  if (/\.wgsl\.test\.tsx?$/.test(path)) return "wgsl";
  return /\.test\.(tsx?|mjs)$/.test(path) ? "unit" : null;
}

/** Every test file of the project, from the root. @param {string} [folder] @returns {string[]} */
function testFiles(folder = "") {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "dist") return [];
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return testFiles(path);
    return tierOf(path) === null ? [] : [path];
  });
}

/** @param {string} title */
const heading = (title) => console.log(`\n── ${title} ${"─".repeat(Math.max(3, 60 - title.length))}`);

/** @param {string} file */
const readReport = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null);

/**
 * @param {string} title @param {readonly string[]} words
 * @returns {Promise<Count>}
 */
async function check(title, words) {
  const code = await run([process.execPath, ...words], { stdout: "inherit" });
  console.log(`${code === 0 ? "✓" : "✗"} ${title}`);
  return { ...none, [code === 0 ? "passed" : "failed"]: 1 };
}

/** @param {string} project @param {readonly string[]} files @param {readonly string[]} filters */
async function vitest(project, files, filters) {
  const report = join(reports, `${project}.json`);
  const flags = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, "--passWithNoTests"];
  const words = ["node_modules/vitest/vitest.mjs", "run", "--project", project, ...flags, ...filters];
  const exitCode = await run([process.execPath, ...words], { stdout: "inherit" });
  const json = readReport(report);
  return judge({ count: json && countVitest(json), exitCode, filesExist: files.length > 0 });
}

/** @param {readonly string[]} files @param {readonly string[]} filters */
async function playwright(files, filters) {
  const report = join(reports, "e2e.json");
  const words = ["node_modules/@playwright/test/cli.js", "test", "--reporter=list,json", ...filters];
  const env = { ...process.env, PLAYWRIGHT_JSON_OUTPUT_FILE: report };
  const exitCode = await run([process.execPath, ...words], { stdout: "inherit", env });
  const json = readReport(report);
  return judge({ count: json && countPlaywright(json), exitCode, filesExist: files.length > 0 });
}

/** @returns {Promise<Count>} */
async function staticTier() {
  return sum([
    await check("types", ["node_modules/typescript/bin/tsc", "--noEmit"]),
    await check("types of tools", ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "tools"]),
    await check("lint", ["node_modules/oxlint/bin/oxlint"]),
    await vitest("house", ["tools/house.test.ts"], []),
  ]);
}

/** @returns {Promise<Count>} */
async function buildTier() {
  const { ensureBuild } = await import("./build.mjs");
  try {
    await ensureBuild();
    console.log("✓ the page builds");
    return { ...none, passed: 1 };
  } catch (error) {
    console.log(`✗ the page builds: ${error instanceof Error ? error.message : error}`);
    return { ...none, failed: 1 };
  }
}

/** A tier that cannot run here. @param {string} what @param {number} nFiles @returns {Count} */
function absent(what, nFiles) {
  if (!process.env["CI"]) {
    console.log(`skipped: ${what} (${nFiles} files)`);
    return { ...none, skipped: nFiles };
  }
  console.log(`✗ ${what}, and CI promises one`);
  return { ...none, failed: nFiles };
}

/**
 * @param {Tier} tier @param {readonly string[]} filters
 * @param {import("./environment.mjs").Environment | null} environment
 * @returns {Promise<Count>}
 */
async function runTier(tier, filters, environment) {
  if (tier === "static") return staticTier();
  if (tier === "build") return buildTier();
  const files = testFiles().filter((f) => tierOf(f) === tier && matches(f, filters));
  if (files.length === 0) {
    console.log("no test files");
    return none;
  }
  if (tier === "gpu" && !environment?.vulkan) return absent("no WebGPU adapter for Node", files.length);
  if (tier !== "e2e") return vitest(tier, files, filters);
  if (!environment?.chromium) return absent("no Chromium", files.length);
  // An old page must not stand in for one that does not build.
  const { failed } = await buildTier();
  return failed > 0 ? { ...none, failed: files.length } : playwright(files, filters);
}

/** @param {string} file @param {readonly string[]} filters */
const matches = (file, filters) => filters.length === 0 || filters.some((word) => file.includes(word));

/** @param {readonly string[]} args */
async function main(args) {
  const { only, filters } = parseArguments(args);
  await ensurePackages();
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  let environment = null;
  if (only.some((t) => t === "gpu" || t === "e2e")) {
    heading("environment");
    const { describeEnvironment, ensureEnvironment } = await import("./environment.mjs");
    environment = await ensureEnvironment();
    console.log(describeEnvironment(environment));
  }
  /** @type {Count[]} */
  const counts = [];
  for (const tier of tiers.filter((t) => only.includes(t))) {
    heading(tier);
    const count = await runTier(tier, filters, environment);
    if (only.length > 1) console.log(`${tier}: ${summary(count)}`);
    counts.push(count);
  }
  const total = sum(counts);
  // A misspelt word must not look like success.
  if (filters.length > 0 && total.passed + total.failed + total.skipped === 0) {
    throw new Error(`no test file has ${filters.join(" or ")} in its path`);
  }
  return total;
}

if (isMain(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.includes("--help")) console.log(usage);
  else {
    let total = { ...none, failed: 1 };
    try {
      total = await main(args);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
    }
    console.log(`\n${summary(total)}`);
    process.exitCode = total.failed > 0 ? 1 : 0;
  }
}
