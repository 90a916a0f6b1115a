import { defineConfig } from "@playwright/test";
import { launchOptions } from "./tools/launch_options.mjs";

/** Tests of the built page in a real Chromium with real WebGPU; `npm run build` first when running by hand. */
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  forbidOnly: Boolean(process.env["CI"]),
  // A software adapter uses every core: two pages at once would time each other out.
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 60_000 },
  webServer: {
    command: "node tools/start.mjs --no-build --no-open --port 4310",
    wait: { stdout: /http:\/\/localhost:(?<benchtop_port>\d+)\// },
    gracefulShutdown: { signal: "SIGTERM", timeout: 2000 },
  },
  use: {
    baseURL: `http://localhost:${process.env["BENCHTOP_PORT"] ?? "4310"}/`,
    trace: "retain-on-failure",
    launchOptions: launchOptions(),
  },
});
