// @ts-check
/** Installs the packages of package-lock.json when they are missing or not the ones it names. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./shell.mjs";

/**
 * @typedef {{version?: string, optional?: boolean, os?: string[], cpu?: string[], link?: boolean}} LockedPackage
 * @typedef {{packages?: Record<string, LockedPackage>}} Lock
 */

/**
 * Packages that the lock file names and the installed tree lacks (or has in another version). Packages for
 * other platforms are optional in the lock file and may be absent.
 * @param {Lock} wanted package-lock.json
 * @param {Lock} installed node_modules/.package-lock.json
 * @returns {string[]}
 */
export function missingPackages(wanted, installed) {
  const have = installed.packages ?? {};
  return Object.entries(wanted.packages ?? {})
    .filter(([path, p]) => path !== "" && !p.link && !p.optional && !p.os && !p.cpu)
    .filter(([path, p]) => have[path]?.version !== p.version)
    .map(([path, p]) => `${path.replace(/^.*node_modules\//, "")}@${p.version}`);
}

/** Why `npm ci` is due, as a phrase, or null when it is not. @param {string} [folder] */
export function packagesDue(folder = root) {
  const lock = join(folder, "package-lock.json");
  const hidden = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return "packages are not installed yet";
  if (statSync(hidden).mtimeMs >= statSync(lock).mtimeMs) return null;
  // A fresh checkout of an unchanged lock file is newer but says the same.
  /** @param {string} file @returns {Lock} */
  const read = (file) => JSON.parse(readFileSync(file, "utf8"));
  const missing = missingPackages(read(lock), read(hidden));
  return missing.length === 0
    ? null
    : `out of date: ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ", …" : ""}`;
}

/**
 * Installs what is due; throws with the command to run when that fails. An existing folder is brought up to
 * date in place, so that nothing vanishes under another process that uses it.
 */
export async function ensurePackages() {
  const due = packagesDue();
  if (due === null) return;
  console.error(`Installing packages (${due}) …`);
  const fresh = !existsSync(join(root, "node_modules/.package-lock.json"));
  const how = fresh ? ["ci"] : ["install", "--no-save"];
  const code = await run(["npm", ...how, "--no-audit", "--no-fund", "--loglevel=error"]);
  if (code !== 0) throw new Error("The packages could not be installed. Run `npm ci` to see why.");
}
