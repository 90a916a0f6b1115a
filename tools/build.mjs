// @ts-check
/** Builds the page into `dist/` when a source is newer than the last build. */
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { isMain, root, run } from "./shell.mjs";

/** What the page is made of. */
export const pageSources = [
  "app",
  "lab",
  "lm",
  "gpu",
  "lib",
  "shaders",
  "public",
  "vite.config.ts",
  "package.json",
  "package-lock.json",
];

/**
 * Newest modification time under the given files and folders (a folder's own time tells of removed files).
 * @param {string} base @param {readonly string[]} paths
 */
export function newest(base, paths) {
  let time = 0;
  for (const path of paths) {
    const full = join(base, path);
    if (!existsSync(full)) continue;
    const info = statSync(full);
    time = Math.max(time, info.mtimeMs);
    if (info.isDirectory()) time = Math.max(time, newest(full, readdirSync(full)));
  }
  return time;
}

/** True when `dist/` is missing or older than a source. @param {string} [folder] */
export function buildDue(folder = root) {
  const page = join(folder, "dist/index.html");
  return !existsSync(page) || statSync(page).mtimeMs < newest(folder, pageSources);
}

/** Builds when it is due; throws when the build fails. */
export async function ensureBuild() {
  if (!buildDue()) return;
  const started = new Date();
  console.error("Building the page …");
  const code = await run([process.execPath, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"]);
  if (code !== 0) throw new Error("The page did not build; the lines above say why.");
  // A source saved during the build makes the next one due.
  utimesSync(join(root, "dist/index.html"), started, started);
}

if (isMain(import.meta.url)) {
  await ensureBuild().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
