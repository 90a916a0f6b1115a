// @ts-check
/** What this machine's Debian or Ubuntu package manager can give, and the commands that would get it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./shell.mjs";

/**
 * @typedef {{uri: string, suites: string[], components: string[], signedBy: string | undefined}} Source
 * @typedef {{file?: {path: string, text: string}, commands: string[][]}} Plan
 *   a file to write first, and commands to run after it, all as root
 */

/** First Mesa whose lavapipe Dawn accepts. */
export const oldestMesa = 24;

/**
 * Package sources from the text of one file of `sources.list.d` (either format).
 * @param {string} text @param {"sources" | "list"} format
 * @returns {Source[]}
 */
export function parseSources(text, format) {
  const lines = text.split("\n").filter((l) => !l.trimStart().startsWith("#"));
  return format === "list"
    ? lines.flatMap(oneLine)
    : lines
        .join("\n")
        .split(/\n\s*\n/)
        .flatMap(stanza);
}

/** @param {string} line @returns {Source[]} */
function oneLine(line) {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
  if (!match) return [];
  const [, options = "", uri = "", suite = "", components = ""] = match;
  const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1];
  return [{ uri, suites: [suite], components: words(components), signedBy }];
}

/** @param {string} text @returns {Source[]} */
function stanza(text) {
  /** @param {string} key */
  const field = (key) => new RegExp(`^${key}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, "im").exec(text)?.[1]?.trim();
  if (!words(field("Types") ?? "").includes("deb") || field("Enabled")?.toLowerCase() === "no") return [];
  const suites = words(field("Suites") ?? "");
  const components = words(field("Components") ?? "");
  return words(field("URIs") ?? "").map((uri) => ({ uri, suites, components, signedBy: field("Signed-By") }));
}

/** @param {string} text */
const words = (text) => text.split(/\s+/).filter((w) => w !== "");

/**
 * The backports suite of a release as a `.sources` text, from the source that serves the release itself:
 * same address, same key. Null when there is no such source or the suite is already there.
 * @param {readonly Source[]} sources @param {string} codename
 */
export function backportsSource(sources, codename) {
  const suite = `${codename}-backports`;
  if (sources.some((s) => s.suites.includes(suite) && s.components.includes("main"))) return null;
  const base = sources.find((s) => s.suites.includes(codename) && s.components.includes("main"));
  if (!base) return null;
  const key = base.signedBy === undefined ? "" : `Signed-By: ${base.signedBy}\n`;
  return `Types: deb\nURIs: ${base.uri}\nSuites: ${suite}\nComponents: main\n${key}`;
}

/** Candidate version of `apt-cache policy`, or null. @param {string} policy */
export function candidateVersion(policy) {
  const version = /^\s*Candidate:\s*(\S+)/m.exec(policy)?.[1];
  return version === undefined || version === "(none)" ? null : version;
}

/** Major version in a Debian package version such as `1:25.0.7-2~bpo12+1`. @param {string} version */
export function majorVersion(version) {
  const match = /^(?:\d+:)?(\d+)/.exec(version);
  return match ? Number(match[1]) : null;
}

/**
 * How to get a lavapipe that Dawn accepts, or null when this release has none.
 * @param {{policy: string, codename: string, distribution: string, sources: readonly Source[]}} facts
 *   `policy`: what `apt-cache policy mesa-vulkan-drivers` prints
 * @returns {Plan | null}
 */
export function mesaPlan({ policy, codename, distribution, sources }) {
  const version = candidateVersion(policy);
  const install = ["apt-get", "install", "-y", "--no-install-recommends"];
  const update = ["apt-get", "update"];
  if (version !== null && (majorVersion(version) ?? 0) >= oldestMesa) {
    return { commands: [update, [...install, "mesa-vulkan-drivers"]] };
  }
  // Debian 11's backports have no newer Mesa; Ubuntu's never do.
  if (distribution !== "debian" || codename !== "bookworm") return null;
  const suite = `${codename}-backports`;
  const present = sources.some((s) => s.suites.includes(suite));
  const text = backportsSource(sources, codename);
  if (!present && text === null) return null;
  const commands = [update, [...install, "-t", suite, "mesa-vulkan-drivers"]];
  return text === null
    ? { commands }
    : { file: { path: `/etc/apt/sources.list.d/${suite}.sources`, text }, commands };
}

/** Chromium as a package; Ubuntu's is a stub for another package manager. @param {{policy: string}} facts */
export function chromiumPlan({ policy }) {
  const version = candidateVersion(policy);
  if (version === null || /snap/.test(version)) return null;
  return {
    commands: [
      ["apt-get", "update"],
      ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
    ],
  };
}

/** A field of /etc/os-release. @param {string} text @param {string} key */
export const osField = (text, key) => new RegExp(`^${key}="?([^"\\n]*)"?$`, "m").exec(text)?.[1] ?? "";

/** True on a machine with apt. */
export const hasApt = () => process.platform === "linux" && existsSync("/usr/bin/apt-get");

/** All package sources of this machine. */
export function machineSources() {
  const folder = "/etc/apt/sources.list.d";
  const parts = existsSync(folder) ? readdirSync(folder).map((f) => join(folder, f)) : [];
  return ["/etc/apt/sources.list", ...parts].filter(existsSync).flatMap((path) => {
    const format = path.endsWith(".sources") ? "sources" : path.endsWith(".list") ? "list" : null;
    return format === null ? [] : parseSources(readFileSync(path, "utf8"), format);
  });
}

/** The facts of this machine for {@link mesaPlan} and {@link chromiumPlan}. @param {string} packageName */
export function machineFacts(packageName) {
  const os = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return {
    policy: outputOf(["apt-cache", "policy", packageName], { env: { ...process.env, LC_ALL: "C" } }) ?? "",
    codename: osField(os, "VERSION_CODENAME"),
    distribution: osField(os, "ID"),
    sources: machineSources(),
  };
}
