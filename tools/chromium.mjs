// @ts-check
/** Finds a Chromium: CHROME_PATH, one on the machine, else the one Playwright downloaded. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { outputOf } from "./shell.mjs";

/** Oldest Chromium with WebGPU and f16 shaders on by default. */
export const oldestChromium = 121;

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

/** Major version in what `chromium --version` prints, or null. @param {string} text */
export function chromiumMajor(text) {
  const match = /\b(?:Chrom(?:e|ium)|Edge)\b.*?\b(\d+)\.\d+\.\d+/.exec(text);
  return match ? Number(match[1]) : null;
}

/**
 * Where a Chromium may lie, best first (paths, not checked).
 * @param {{platform?: string, env?: Record<string, string | undefined>, home?: string,
 *   list?: (folder: string) => string[]}} [facts]
 */
export function chromiumCandidates(facts = {}) {
  const { platform = process.platform, env = process.env, home = homedir(), list = filesIn } = facts;
  if (env["CHROME_PATH"]) return [env["CHROME_PATH"]];
  return [...systemPaths(platform, env), ...playwrightPaths(platform, env, home, list)];
}

/** @param {string} platform @param {Record<string, string | undefined>} env */
function systemPaths(platform, env) {
  if (platform === "darwin") {
    return ["Google Chrome", "Chromium", "Microsoft Edge"].map(
      (n) => `/Applications/${n}.app/Contents/MacOS/${n}`,
    );
  }
  if (platform === "win32") {
    const bases = [env["PROGRAMFILES"], env["PROGRAMFILES(X86)"], env["LOCALAPPDATA"]].filter(
      (b) => b !== undefined,
    );
    return bases.flatMap((b) => [
      `${b}\\Google\\Chrome\\Application\\chrome.exe`,
      `${b}\\Microsoft\\Edge\\Application\\msedge.exe`,
    ]);
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((d) => d !== "");
  return names.flatMap((n) => folders.map((d) => join(d, n)));
}

/**
 * Playwright's downloads, newest first.
 * @param {string} platform @param {Record<string, string | undefined>} env @param {string} home
 * @param {(folder: string) => string[]} list
 */
function playwrightPaths(platform, env, home, list) {
  const byPlatform =
    platform === "darwin" ? "Library/Caches" : platform === "win32" ? "AppData/Local" : ".cache";
  const base = env["PLAYWRIGHT_BROWSERS_PATH"] || join(home, byPlatform, "ms-playwright");
  /** @param {string} name */
  const revision = (name) => Number(name.slice("chromium-".length));
  const mac = ["Google Chrome for Testing", "Chromium"].map((n) => `${n}.app/Contents/MacOS/${n}`);
  return list(base)
    .filter((f) => /^chromium-\d+$/.test(f))
    .sort((a, b) => revision(b) - revision(a))
    .flatMap((f) =>
      list(join(base, f)).flatMap((inner) => {
        const folder = join(base, f, inner);
        if (inner.startsWith("chrome-linux")) return [join(folder, "chrome")];
        if (inner.startsWith("chrome-win")) return [join(folder, "chrome.exe")];
        return inner.startsWith("chrome-mac") ? mac.map((m) => join(folder, m)) : [];
      }),
    );
}

/** @param {string} folder */
function filesIn(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/**
 * The first Chromium that starts and is new enough, or null.
 * @returns {{path: string, version: string} | null}
 */
export function findChromium() {
  for (const path of chromiumCandidates()) {
    if (!existsSync(path)) continue;
    // On Windows `chrome --version` opens a window instead of printing.
    if (process.platform === "win32") return { path, version: "" };
    const version = outputOf([path, "--version"])?.trim() ?? "";
    const major = chromiumMajor(version);
    if (major !== null && major >= oldestChromium) return { path, version };
  }
  return null;
}
