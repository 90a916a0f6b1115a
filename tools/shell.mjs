// @ts-check
/** Small helpers to run other programs from plain Node; no packages. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** True when the file at `metaUrl` is the one Node was started with. @param {string} metaUrl */
export function isMain(metaUrl) {
  const started = process.argv[1];
  return started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(metaUrl);
}

/** Windows starts npm and npx through a shell. @param {string} command */
const needsShell = (command) => process.platform === "win32" && /^(npm|npx)$/.test(command);

/** Something to do for the user, as one line they can paste. @param {readonly string[]} words */
export const commandLine = (words) =>
  words.map((w) => (/^[\w@%+=:,./~-]+$/.test(w) ? w : `'${w.replaceAll("'", `'\\''`)}'`)).join(" ");

/**
 * Runs a program to its end; its output goes to our standard error, so that standard output stays ours.
 * @param {readonly string[]} words
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, stdout?: "inherit" | "stderr"}} [options]
 * @returns {Promise<number>} exit code; 1 when it could not be started or was killed
 */
export function run(words, options = {}) {
  const [command = "", ...args] = words;
  const out = options.stdout === "inherit" ? "inherit" : 2;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: ["ignore", out, "inherit"],
      shell: needsShell(command),
    });
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/**
 * What a program prints, or null when it is missing, fails or takes longer than `timeoutMs`.
 * @param {readonly string[]} words
 * @param {{env?: NodeJS.ProcessEnv, timeoutMs?: number}} [options]
 */
export function outputOf(words, options = {}) {
  const [command = "", ...args] = words;
  const result = spawnSync(command, args, {
    cwd: root,
    env: options.env ?? process.env,
    encoding: "utf8",
    timeout: options.timeoutMs ?? 20_000,
    stdio: ["ignore", "pipe", "ignore"],
    shell: needsShell(command),
  });
  return result.status === 0 ? result.stdout : null;
}
