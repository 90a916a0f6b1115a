/**
 * Our matrix product against the naive kernel and jax-js, in Chromium and in Node.
 * `node bench/matmul.mjs [--sizes 512,1024] [--repeats 7] [--naive-up-to 1024] [--in chromium,node] [--out file.json]`
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { build, type Rolldown } from "vite";
import { nodeProvider } from "../gpu/testing/node_gpu.ts";
import { launchOptions } from "../tools/launch_options.mjs";
import { type MatmulBench, type MeasureOptions, measureMatmul } from "./matmul_measure.ts";
import type { run } from "./matmul_page.ts";

declare global {
  interface Window {
    readonly matmulBench: { readonly run: typeof run };
  }
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

async function inChromium(options: MeasureOptions): Promise<MatmulBench> {
  const built = (await build({
    configFile: false,
    logLevel: "error",
    root: here(".."),
    build: {
      write: false,
      target: "esnext",
      lib: { entry: here("matmul_page.ts"), formats: ["iife"], name: "matmulBench" },
    },
  })) as Rolldown.RolldownOutput[];
  const browser = await chromium.launch(launchOptions());
  try {
    const page = await browser.newPage();
    // WebGPU needs a secure context, which localhost is and about:blank is not.
    await page.route("http://localhost/", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
    );
    await page.goto("http://localhost/");
    await page.addScriptTag({ content: built[0]!.output[0].code });
    return await page.evaluate((it) => window.matmulBench.run(it), options);
  } finally {
    await browser.close();
  }
}

async function inNode(options: MeasureOptions): Promise<MatmulBench> {
  const gpu = nodeProvider();
  // jax-js looks for a browser's navigator.
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "Node", hardwareConcurrency: 1 },
  });
  return measureMatmul(gpu, options);
}

function print(where: string, { adapter, rows }: MatmulBench): void {
  console.log(`\n${where}, ${adapter}`);
  for (const { name, value, unit, n, spread } of rows) {
    const digits = unit === "ms" ? 1 : 2;
    console.log(
      `  ${name.padEnd(62)} ${value.toFixed(digits).padStart(9)} ${unit}  ± ${spread.toFixed(digits)} (n = ${n})`,
    );
  }
}

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "512,1024" },
    repeats: { type: "string", default: "7" },
    "naive-up-to": { type: "string", default: "1024" },
    in: { type: "string", default: "chromium,node" },
    out: { type: "string" },
  },
});
const options = {
  sizes: values.sizes.split(",").map(Number),
  nRepeats: Number(values.repeats),
  naiveUpTo: Number(values["naive-up-to"]),
};
const results: Record<string, MatmulBench> = {};
for (const [where, measure] of [
  ["chromium", inChromium],
  ["node", inNode],
] as const) {
  if (!values.in.split(",").includes(where)) continue;
  results[where] = await measure(options);
  print(where, results[where]);
}
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`);
