// @ts-check
/**
 * `npm run -s lab -- …`: the lab without a screen. Installs packages when they are missing, bundles
 * `cli/main.ts` into `.cache/cli/` when a source has changed, finds a Vulkan driver, then runs it in this
 * process. Nothing here writes to standard output, which belongs to the command.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensurePackages } from "../tools/packages.mjs";
import { isMain, root } from "../tools/shell.mjs";

/** What the command line is made of. */
const sources = ["cli", "lab", "lm", "gpu", "lib", "shaders", "vite.config.ts", "package-lock.json"];

/** Earlier bundles that stay, since a run still in progress may load more of its chunks. */
const kept = 4;

/** Name, size and time of every source, as a short hash. */
function sourceHash() {
  const hash = createHash("sha256").update(process.version);
  /** @param {string} path */
  const add = (path) => {
    const full = join(root, path);
    const info = statSync(full, { throwIfNoEntry: false });
    if (info?.isDirectory()) for (const name of readdirSync(full).sort()) add(`${path}/${name}`);
    else if (info && !/\.test\.tsx?$/.test(path)) hash.update(`${path} ${info.size} ${info.mtimeMs}\n`);
  };
  sources.forEach(add);
  return hash.digest("hex").slice(0, 16);
}

/**
 * Bundles `cli/main.ts` into `folder` as main.mjs.
 * @param {string} folder
 * @param {{alone: boolean}} options alone: one file that needs no package but `webgpu`
 */
async function bundle(folder, { alone }) {
  const { build } = await import("vite");
  await build({
    configFile: join(root, "vite.config.ts"),
    root,
    logLevel: "warn",
    publicDir: false,
    ssr: alone ? { noExternal: true, external: ["webgpu"] } : {},
    build: {
      ssr: join(root, "cli/main.ts"),
      outDir: folder,
      emptyOutDir: true,
      target: "node20",
      minify: false,
      sourcemap: alone ? false : "inline",
      rolldownOptions: { checks: { pluginTimings: false }, output: { entryFileNames: "main.mjs", ...(alone ? { codeSplitting: false } : {}) } },
    },
  });
}

/** The bundle of the sources as they are now; built when there is none. */
async function currentBundle() {
  const base = join(root, ".cache/cli");
  const folder = join(base, sourceHash());
  const file = join(folder, "main.mjs");
  if (existsSync(file)) return file;
  // Built aside and moved at once: two commands started together do not see half of one.
  const aside = `${folder}.${process.pid}`;
  try {
    await withoutStdout(() => bundle(aside, { alone: false }));
    if (!existsSync(folder)) renameSync(aside, folder);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  prune(base);
  return file;
}

/**
 * Runs `work` with whatever it prints on standard output sent to standard error.
 * @param {() => Promise<void>} work
 */
async function withoutStdout(work) {
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    await work();
  } finally {
    process.stdout.write = write;
  }
}

/** @param {string} base */
function prune(base) {
  const age = (/** @type {string} */ name) =>
    statSync(join(base, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const bundles = readdirSync(base).filter((name) => /^[0-9a-f]{16}$/.test(name));
  for (const name of bundles.sort((a, b) => age(b) - age(a)).slice(kept)) {
    rmSync(join(base, name), { recursive: true, force: true });
  }
}

/**
 * The command line for a machine without npm: `main.mjs` with all packages inside, and beside it the one that
 * cannot be (Dawn, for the platform named). Copy the folder, then `node main.mjs …`; point `BENCHTOP_ROOT` at
 * a folder that holds `public/` for the bundled models.
 * @param {string} outDir @param {string} [platform] as Dawn names it: linux-x64, darwin-universal …
 */
export async function buildCli(outDir, platform = dawnPlatform()) {
  await ensurePackages();
  await bundle(outDir, { alone: true });
  const from = join(root, "node_modules/webgpu");
  const to = join(outDir, "node_modules/webgpu");
  mkdirSync(join(to, "dist"), { recursive: true });
  for (const file of ["package.json", "index.js", "LICENSE.md"]) cpSync(join(from, file), join(to, file));
  cpSync(join(from, "dist", platform), join(to, "dist", platform), { recursive: true });
  return join(outDir, "main.mjs");
}

/** This machine's folder of Dawn binaries. */
function dawnPlatform() {
  return process.platform === "darwin" ? "darwin-universal" : `${process.platform}-${process.arch}`;
}

async function main() {
  // Where the bundled models and the caches are, wherever the bundle lies.
  process.env["BENCHTOP_ROOT"] ??= root;
  await ensurePackages();
  const { chosenDriver, setUpVulkan } = await import("../tools/vulkan.mjs");
  if (process.platform === "linux" && chosenDriver() === undefined) setUpVulkan();
  const file = await currentBundle();
  process.argv[1] = file;
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(file).href);
}

if (isMain(import.meta.url)) {
  main().catch((error) => {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    process.exitCode = 1;
  });
}
