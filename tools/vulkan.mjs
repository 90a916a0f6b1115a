// @ts-check
/**
 * Finds the Vulkan driver that Dawn (npm package `webgpu`) shall use in Node: a real GPU first, else
 * lavapipe of Mesa, else the SwiftShader that comes with Chromium. Elsewhere than on Linux Dawn speaks Metal
 * or Direct3D and there is nothing to choose.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { chromiumCandidates } from "./chromium.mjs";
import { outputOf, root } from "./shell.mjs";

/**
 * @typedef {{vendor: string, architecture: string, device: string, description: string, features: string[]}} AdapterInfo
 * @typedef {{name: string, files: string | undefined}} Driver `files`: value of VK_DRIVER_FILES; undefined leaves it alone
 * @typedef {{driver: Driver, adapter: AdapterInfo, kind: "gpu" | "lavapipe" | "swiftshader"}} Found
 */

const icdFolders = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** What sort of device an adapter is. @param {AdapterInfo} info @returns {Found["kind"]} */
export function kindOf(info) {
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  if (words.includes("swiftshader")) return "swiftshader";
  return /llvmpipe|lavapipe/.test(words) ? "lavapipe" : "gpu";
}

/** One line a person understands. @param {Found} found */
export function describeAdapter({ adapter, kind }) {
  const name = adapter.description || adapter.device || adapter.architecture || adapter.vendor;
  const extras = adapter.features.length > 0 ? ` (${adapter.features.join(", ")})` : "";
  return `${kind === "gpu" ? "GPU" : "software adapter"}: ${name}${extras}`;
}

/**
 * Drivers worth trying, best first. A driver the user chose is the only one.
 * @param {{platform: string, env: Record<string, string | undefined>, icds: readonly string[]}} facts
 *   `icds`: driver manifests on this machine, full paths
 * @returns {Driver[]}
 */
export function driverCandidates({ platform, env, icds }) {
  if (platform !== "linux") return [{ name: "the system's own", files: undefined }];
  const chosen = env["VK_DRIVER_FILES"] ?? env["VK_ICD_FILENAMES"];
  if (chosen) return [{ name: `VK_DRIVER_FILES=${chosen}`, files: undefined }];
  /** @param {RegExp} pattern */
  const named = (pattern) => icds.filter((f) => pattern.test(f));
  return [
    { name: "the system's own", files: undefined },
    ...named(/lvp_icd[^/]*\.json$/).map((files) => ({ name: `lavapipe (${files})`, files })),
    ...named(/vk_swiftshader_icd\.json$/).map((files) => ({ name: `SwiftShader (${files})`, files })),
  ];
}

/**
 * The best of what answered: a GPU, else lavapipe, else SwiftShader; among equals the first.
 * @param {readonly Found[]} found
 */
export function chooseDriver(found) {
  const rank = { gpu: 0, lavapipe: 1, swiftshader: 2 };
  return [...found].sort((a, b) => rank[a.kind] - rank[b.kind])[0] ?? null;
}

/** Full paths of the driver manifests on this machine; SwiftShader lies beside Chromium. */
function manifests() {
  const system = icdFolders.filter(existsSync).flatMap((d) => readdirSync(d).map((f) => join(d, f)));
  const folders = new Set(["/usr/lib/chromium"]);
  for (const path of chromiumCandidates()) {
    if (existsSync(path)) folders.add(dirname(realpathSync(path)));
  }
  const swiftShader = [...folders].map((d) => join(d, "vk_swiftshader_icd.json")).filter(existsSync);
  return [...system.sort(), ...swiftShader];
}

/** @param {Driver} driver @returns {Found | null} */
function probe(driver) {
  const env = driver.files === undefined ? process.env : { ...process.env, VK_DRIVER_FILES: driver.files };
  const out = outputOf([process.execPath, join(root, "tools/probe.mjs")], { env, timeoutMs: 60_000 });
  /** @type {AdapterInfo | null} */
  const adapter = out === null ? null : JSON.parse(out.trim().split("\n").at(-1) ?? "null");
  return adapter === null ? null : { driver, adapter, kind: kindOf(adapter) };
}

/** The driver the user chose, if any; then that one is right or nothing is. */
export const chosenDriver = () =>
  process.env["VK_DRIVER_FILES"] || process.env["VK_ICD_FILENAMES"] || undefined;

/** Everything the answer depends on, so that it is asked once per machine. @param {readonly string[]} icds */
function fingerprint(icds) {
  const webgpu = JSON.parse(readFileSync(join(root, "node_modules/webgpu/package.json"), "utf8")).version;
  const files = icds.map((f) => [f, statSync(f).mtimeMs]);
  const devices = ["/dev/dri", "/dev"].flatMap((d) =>
    existsSync(d) ? readdirSync(d).filter((f) => /^(render|card|nvidia|dxg)/.test(f)) : [],
  );
  return JSON.stringify([process.platform, process.arch, webgpu, files, devices]);
}

/**
 * The driver Dawn accepts here, or null; remembered in `.cache/vulkan.json`. Needs the package `webgpu`.
 * @returns {Found | null}
 */
export function findVulkan() {
  const icds = process.platform === "linux" ? manifests() : [];
  const key = chosenDriver() === undefined ? fingerprint(icds) : null;
  const cache = join(root, ".cache/vulkan.json");
  const saved = key === null ? null : remembered(cache);
  if (saved !== null && saved.key === key) return saved.found;
  /** @type {Found[]} */
  const answers = [];
  for (const driver of driverCandidates({ platform: process.platform, env: process.env, icds })) {
    const answer = probe(driver);
    if (answer) answers.push(answer);
    if (answer?.kind === "gpu" || answer?.kind === "lavapipe") break;
  }
  const found = chooseDriver(answers);
  // "Nothing" is not remembered: the next run may have a driver that leaves no trace in the key.
  if (found && key !== null) {
    mkdirSync(dirname(cache), { recursive: true });
    writeFileSync(cache, JSON.stringify({ key, found }));
  }
  return found;
}

/** @param {string} cache @returns {{key: string, found: Found} | null} */
function remembered(cache) {
  try {
    return JSON.parse(readFileSync(cache, "utf8"));
  } catch {
    // Not asked yet, or cut short while writing: ask again.
    return null;
  }
}

/** Finds the driver and points this process (and its children) at it. Call before importing `webgpu`. */
export function setUpVulkan() {
  const found = findVulkan();
  if (found?.driver.files !== undefined) process.env["VK_DRIVER_FILES"] = found.driver.files;
  return found;
}
