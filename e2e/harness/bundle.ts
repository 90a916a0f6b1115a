import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { build, type Rolldown } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Bundles a module of `e2e/harness` and makes its exports `window[name]` in the page. */
export async function addModule(page: Page, file: string, name: string): Promise<void> {
  const result = (await build({
    configFile: false,
    logLevel: "error",
    root: here("../.."),
    build: { write: false, minify: false, target: "esnext", lib: { entry: here(file), formats: ["iife"], name } },
  })) as Rolldown.RolldownOutput[];
  await page.addScriptTag({ content: result[0]!.output[0].code });
}
