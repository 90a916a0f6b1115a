// @ts-check
/** How to launch a Chromium with WebGPU on this machine, for Playwright. */
import { browserAdapter, chromiumFlags } from "./browser.mjs";
import { findChromium } from "./chromium.mjs";

/** Options of Playwright's `chromium.launch`; without a Chromium of the machine, Playwright's own. */
export function launchOptions() {
  const found = findChromium();
  return { ...(found ? { executablePath: found.path } : {}), args: chromiumFlags(browserAdapter()) };
}
