// @ts-check
/** Which WebGPU adapter Chromium shall use in tests, and the flags that give it one. */
import { join } from "node:path";
import { root } from "./shell.mjs";
import { serve } from "./serve.mjs";
import { findVulkan } from "./vulkan.mjs";

/** @typedef {"gpu" | "swiftshader"} BrowserAdapter */

/** Flags that give Chromium that adapter. @param {BrowserAdapter} adapter @param {string} [platform] */
export function chromiumFlags(adapter, platform = process.platform) {
  const always = ["--enable-unsafe-webgpu"];
  if (adapter === "swiftshader") return [...always, "--use-webgpu-adapter=swiftshader"];
  // Headless Chromium on Linux keeps off Vulkan unless it is told otherwise.
  return platform === "linux" ? [...always, "--enable-features=Vulkan", "--ignore-gpu-blocklist"] : always;
}

/** The adapter to use: BENCHTOP_BROWSER_ADAPTER, else the GPU when Node sees one. @returns {BrowserAdapter} */
export function browserAdapter() {
  const asked = process.env["BENCHTOP_BROWSER_ADAPTER"];
  if (asked === "gpu" || asked === "swiftshader") return asked;
  return findVulkan()?.kind === "gpu" ? "gpu" : "swiftshader";
}

/**
 * What `navigator.gpu` gives in a page of this Chromium, or null where it gives nothing.
 * @param {string} executablePath @param {BrowserAdapter} adapter
 * @returns {Promise<{vendor: string, architecture: string, description: string} | null>}
 */
export async function probeBrowser(executablePath, adapter) {
  const { chromium } = await import("playwright");
  // WebGPU needs a secure context, which localhost is and about:blank is not.
  const { server, port } = await serve(join(root, "tools/fixtures"), 0);
  const browser = await chromium.launch({ executablePath, args: chromiumFlags(adapter) });
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${port}/blank.html`);
    return await page.evaluate(async () => {
      const found = await navigator.gpu?.requestAdapter();
      if (!found) return null;
      const { vendor, architecture, description } = found.info;
      return { vendor, architecture, description };
    });
  } finally {
    await browser.close();
    server.close();
  }
}

/**
 * Chooses the adapter for this process and its children: a GPU that Node sees may still be out of the
 * browser's reach (no driver for it in a sandbox, no display).
 * @param {string} executablePath
 */
export async function settleBrowserAdapter(executablePath) {
  if (browserAdapter() === "gpu" && !process.env["BENCHTOP_BROWSER_ADAPTER"]) {
    const found = await probeBrowser(executablePath, "gpu").catch(() => null);
    if (!found || found.architecture === "swiftshader")
      process.env["BENCHTOP_BROWSER_ADAPTER"] = "swiftshader";
  }
  return browserAdapter();
}
