// @ts-check
/**
 * What tests need beside packages: a Chromium, and a WebGPU adapter for Node. Finds them, installs them where
 * it may (root, or sudo that asks nothing; never with BENCHTOP_NO_INSTALL=1), and otherwise says exactly
 * which command would. `node tools/environment.mjs` prints what it finds.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settleBrowserAdapter } from "./browser.mjs";
import { chromiumPlan, hasApt, machineFacts, mesaPlan } from "./apt.mjs";
import { findChromium } from "./chromium.mjs";
import { ensurePackages } from "./packages.mjs";
import { commandLine, isMain, outputOf, root, run } from "./shell.mjs";
import { chosenDriver, describeAdapter, setUpVulkan } from "./vulkan.mjs";

/**
 * @typedef {import("./apt.mjs").Plan} Plan
 * @typedef {{path: string, version: string} | null} Chromium
 * @typedef {{chromium: Chromium, browser: import("./browser.mjs").BrowserAdapter | null, vulkan: import("./vulkan.mjs").Found | null, notes: string[]}} Environment
 *   `notes`: sentences for the user, each with the command that would help
 */

/** Words before a command that needs root, or null when this process may not install anything. */
function rootPrefix() {
  if (process.env["BENCHTOP_NO_INSTALL"] || !hasApt()) return null;
  if (process.getuid?.() === 0) return [];
  return outputOf(["sudo", "-n", "true"]) === null ? null : ["sudo", "-n"];
}

/** A plan as lines to paste into a terminal. @param {Plan} plan */
export function planLines({ file, commands }) {
  const write = file ? [`printf '${file.text.replaceAll("\n", "\\n")}' | sudo tee ${file.path}`] : [];
  return [...write, ...commands.map((c) => commandLine(["sudo", ...c]))];
}

/** Carries out a plan; true when every step worked. @param {Plan} plan @param {readonly string[]} prefix */
async function carryOut({ file, commands }, prefix) {
  if (file) {
    const copy = join(root, ".cache", "backports.sources");
    mkdirSync(join(root, ".cache"), { recursive: true });
    writeFileSync(copy, file.text);
    if ((await run([...prefix, "install", "-m", "644", copy, file.path])) !== 0) return false;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const command of commands) {
    console.error(`$ ${commandLine([...prefix, ...command])}`);
    // A stale mirror of some other source fails the update; what counts is whether the install works.
    const code = await run([...prefix, ...command], { env });
    if (code !== 0 && command[1] !== "update") return false;
  }
  return true;
}

const playwrightInstall = ["npx", "playwright", "install", "--no-shell", "chromium"];

/** @param {string[]} notes @returns {Promise<Chromium>} */
async function ensureChromium(notes) {
  const found = findChromium();
  if (found) return found;
  if (process.env["CHROME_PATH"]) {
    notes.push(
      `CHROME_PATH is ${process.env["CHROME_PATH"]}, which is not a Chromium of version 121 or later.`,
    );
    return null;
  }
  const prefix = rootPrefix();
  if (!process.env["BENCHTOP_NO_INSTALL"]) {
    console.error("No Chromium on this machine; downloading Playwright's …");
    if ((await run(playwrightInstall)) === 0) {
      const own = findChromium();
      if (own) return own;
      // Downloaded, but the machine lacks libraries it needs.
      if (
        prefix &&
        (await run([
          ...prefix,
          process.execPath,
          "node_modules/playwright/cli.js",
          "install-deps",
          "chromium",
        ])) === 0
      ) {
        const complete = findChromium();
        if (complete) return complete;
      }
    }
  }
  if (prefix) await run([...prefix, "apt-get", "update"]);
  const plan = hasApt() ? chromiumPlan(machineFacts("chromium")) : null;
  if (plan && prefix && (await carryOut(plan, prefix))) {
    const packaged = findChromium();
    if (packaged) return packaged;
  }
  const commands = plan
    ? planLines(plan).join(" && ")
    : commandLine([...playwrightInstall.slice(0, 3), "--with-deps", "chromium"]);
  notes.push(`No Chromium for the browser tests. Install one with\n  ${commands}\nor set CHROME_PATH.`);
  return null;
}

/** @param {string[]} notes */
async function ensureVulkan(notes) {
  const chosen = chosenDriver();
  const found = setUpVulkan();
  if (found?.kind === "gpu" || found?.kind === "lavapipe") return found;
  if (chosen !== undefined || process.platform !== "linux") {
    if (!found && chosen) notes.push(`VK_DRIVER_FILES is ${chosen}; Dawn accepts no adapter of it.`);
    else if (!found) notes.push("Dawn finds no adapter here; its tests need a GPU with a current driver.");
    return found;
  }
  const prefix = rootPrefix();
  // A bare machine knows no packages before its first update.
  if (prefix) await run([...prefix, "apt-get", "update"]);
  const plan = hasApt() ? mesaPlan(machineFacts("mesa-vulkan-drivers")) : null;
  if (plan && prefix) {
    console.error("No GPU here; installing Mesa's software Vulkan driver …");
    const commands = plan.file ? plan.commands : plan.commands.slice(1);
    if (await carryOut({ ...plan, commands }, prefix)) {
      // What the first look chose was our own choice, not the user's: look again without it.
      delete process.env["VK_DRIVER_FILES"];
      const better = setUpVulkan();
      if (better) return better;
    }
  }
  const how = plan ? planLines(plan).join("\n  ") : otherSystems;
  notes.push(
    found
      ? `Node uses SwiftShader, which is slow and has no f16. For Mesa's lavapipe (24 or later) run\n  ${how}`
      : `No Vulkan driver that Dawn accepts. For Mesa's lavapipe (24 or later) run\n  ${how}`,
  );
  return found;
}

const otherSystems = [
  "sudo dnf install mesa-vulkan-drivers      (Fedora)",
  "sudo pacman -S vulkan-swrast              (Arch)",
  "sudo zypper install libvulkan_lvp         (openSUSE)",
  "sudo apk add mesa-vulkan-swrast           (Alpine)",
].join("\n  ");

/**
 * Finds (and where it may, installs) what tests need. Chromium first: its SwiftShader may serve Node too.
 * @returns {Promise<Environment>}
 */
export async function ensureEnvironment() {
  /** @type {string[]} */
  const notes = [];
  const chromium = await ensureChromium(notes);
  const vulkan = await ensureVulkan(notes);
  const browser = chromium ? await settleBrowserAdapter(chromium.path) : null;
  return { chromium, browser, vulkan, notes };
}

/** @param {Environment} environment */
export function describeEnvironment({ chromium, browser, vulkan, notes }) {
  return [
    `Chromium: ${chromium ? `${chromium.version || "found"} (${chromium.path}), WebGPU on ${browser}` : "none"}`,
    `Node: ${vulkan ? `${describeAdapter(vulkan)}, driver: ${vulkan.driver.name}` : "no WebGPU adapter"}`,
    ...notes,
  ].join("\n");
}

if (isMain(import.meta.url)) {
  await ensurePackages();
  console.log(describeEnvironment(await ensureEnvironment()));
}
