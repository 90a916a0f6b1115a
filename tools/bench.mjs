// @ts-check
/**
 * `npm run bench`: our engine beside jax-js, in one Chromium page and in Node, in turns. Prints the table and
 * writes `bench/results/<where>-<adapter>.json`, from which docs/PERFORMANCE.md is written.
 *   --in chromium,node     where (default both)       --suites facts,model,matmul   (profile: where time goes)
 *   --repeats p,d,t,m      samples of prefill, decode, training step, matmul (5,5,3,5)
 *   --alone                without the peer           --dry   do not write results
 * The driver of Node is the one that `npm test` would use; VK_DRIVER_FILES chooses another.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ensurePackages } from "./packages.mjs";
import { isMain, root } from "./shell.mjs";

/**
 * @typedef {{suite: string, name: string, value: number, unit: string, n: number, spread: number}} Row
 * @typedef {{adapter: {vendor: string, architecture: string, description: string}, rows: Row[], remarks: string[]}} Result
 * @typedef {{suites: string[], repeats: Record<string, number>, withPeer: boolean}} Request
 */

/** @param {string} text */
const say = (text) => console.error(`  ${text}`);

/** @param {Request} request @returns {Promise<{result: Result, browser: string}>} */
async function inChromium(request) {
  const { build } = await import("vite");
  const { chromium } = await import("playwright");
  const { launchOptions } = await import("./launch_options.mjs");
  const built = await build({
    configFile: false,
    logLevel: "error",
    root,
    build: {
      write: false,
      minify: false,
      target: "esnext",
      lib: { entry: join(root, "bench/page.ts"), formats: ["iife"], name: "benchtop" },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  const chunk = outputs
    .flatMap((one) => ("output" in one ? one.output : []))
    .find((file) => file.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error("the benchmark did not bundle");
  const browser = await chromium.launch(launchOptions());
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on("console", (message) => say(message.text()));
    // A secure context, which WebGPU asks for, without a server.
    const address = "http://localhost:4399/";
    await page.route(`${address}**`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
    );
    await page.goto(address);
    await page.addScriptTag({ content: chunk.code });
    const result = await page.evaluate((it) => Reflect.get(window, "benchtop").run(it), request);
    return { result, browser: `Chromium ${browser.version()}` };
  } finally {
    await browser.close();
  }
}

/** @param {Request} request @returns {Promise<{result: Result, browser: string}>} */
async function inNode(request) {
  const { setUpVulkan } = await import("./vulkan.mjs");
  setUpVulkan();
  const { build } = await import("vite");
  const folder = join(root, ".cache/bench");
  await build({
    configFile: false,
    logLevel: "error",
    root,
    publicDir: false,
    build: {
      ssr: join(root, "bench/node.ts"),
      outDir: folder,
      target: "node20",
      minify: false,
      rolldownOptions: { output: { entryFileNames: "node.mjs" } },
    },
  });
  const module = await import(pathToFileURL(join(folder, "node.mjs")).href);
  const { version } = JSON.parse(readFileSync(join(root, "node_modules/webgpu/package.json"), "utf8"));
  return {
    result: await module.run(request, say),
    browser: `Node ${process.versions.node}, Dawn of webgpu ${version}`,
  };
}

/** @param {readonly Row[]} rows */
function table(rows) {
  const number = (/** @type {number} */ value) =>
    Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 100 ? 2 : 0);
  return rows
    .map(({ suite, name, value, unit, n, spread }) =>
      `${suite.padEnd(8)}${name.padEnd(58)}${number(value).padStart(10)} ${unit.padEnd(9)}${n > 1 ? `IQR ${number(spread)}, n = ${n}` : ""}`.trimEnd(),
    )
    .join("\n");
}

/** A short name of an adapter for a file. @param {Result["adapter"]} adapter */
function adapterSlug({ vendor, architecture, description }) {
  const words = `${vendor} ${architecture} ${description}`.toLowerCase();
  const known = /swiftshader|llvmpipe|lavapipe/.exec(words)?.[0];
  const slug = (known ?? `${architecture || vendor} ${description}`)
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return slug === "llvmpipe" ? "lavapipe" : slug || "unknown";
}

function commit() {
  try {
    return execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/**
 * Adds the suites of this run to the file of its adapter; suites that were not run stay as they were.
 * @param {string} name @param {{adapter: string, browser: string}} head @param {readonly Row[]} rows
 */
function write(name, head, rows) {
  const folder = join(root, "bench/results");
  const file = join(folder, name);
  /** @type {{suites: Record<string, {date: string, commit: string, rows: Row[]}>}} */
  const { suites } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { suites: {} };
  for (const suite of new Set(rows.map((row) => row.suite))) {
    const own = rows.filter((row) => row.suite === suite);
    suites[suite] = { date: new Date().toISOString().slice(0, 10), commit: commit(), rows: own };
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...head, suites }, null, 2)}\n`);
}

async function main() {
  const { values } = parseArgs({
    options: {
      in: { type: "string", default: "chromium,node" },
      suites: { type: "string", default: "facts,model,matmul" },
      repeats: { type: "string", default: "5,5,3,5" },
      alone: { type: "boolean", default: false },
      dry: { type: "boolean", default: false },
    },
  });
  await ensurePackages();
  const [prefill = 5, decode = 5, train = 3, matmul = 5] = values.repeats.split(",").map(Number);
  const request = {
    suites: values.suites.split(","),
    repeats: { prefill, decode, train, matmul },
    withPeer: !values.alone,
  };
  for (const [where, measure] of /** @type {const} */ ([
    ["chromium", inChromium],
    ["node", inNode],
  ])) {
    if (!values.in.split(",").includes(where)) continue;
    const started = Date.now();
    const { result, browser } = await measure(request);
    const { adapter, rows, remarks } = result;
    const name = [adapter.vendor, adapter.architecture, adapter.description].filter(Boolean).join(" ");
    console.log(`\n${browser} on ${name}, ${((Date.now() - started) / 1000).toFixed(0)} s\n${table(rows)}`);
    for (const remark of remarks) console.log(`note: ${remark}`);
    if (values.dry) continue;
    write(`${where}-${adapterSlug(adapter)}.json`, { adapter: name, browser }, rows);
  }
  // Dawn keeps the process alive while its instance is held.
  process.exit(0);
}

if (isMain(import.meta.url)) {
  main().catch((error) => {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    process.exit(1);
  });
}
