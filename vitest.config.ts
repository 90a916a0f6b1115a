import { availableParallelism } from "node:os";
import { defineConfig, mergeConfig } from "vitest/config";
import { setUpVulkan } from "./tools/vulkan.mjs";
import vite from "./vite.config.ts";

// Workers inherit this; it has to stand before Dawn loads in any of them.
setUpVulkan();

const everywhere = ["**/node_modules/**", "**/dist/**", ".cache/**"];
const gpu = "**/*.gpu.test.{ts,tsx}";
const wgsl = "**/*.wgsl.test.{ts,tsx}";
const house = "tools/house.test.ts";

/**
 * The tiers that run in Node. `BENCHTOP_DAWN` holds the flags a test gives to Dawn's `create()`:
 * `backend=null` compiles shaders and runs nothing; empty means the adapter found.
 */
export default mergeConfig(
  vite,
  defineConfig({
    root: import.meta.dirname,
    test: {
      maxWorkers: Math.min(4, availableParallelism()),
      pool: "forks",
      projects: [
        { extends: true, test: { name: "house", include: [house], exclude: everywhere } },
        {
          extends: true,
          test: {
            name: "unit",
            include: ["**/*.test.{ts,tsx,mjs}"],
            exclude: [...everywhere, gpu, wgsl, house],
            // Generous, so that a busy machine is slow and not red.
            testTimeout: 60_000,
          },
        },
        {
          extends: true,
          test: {
            name: "wgsl",
            include: [wgsl],
            exclude: everywhere,
            env: { BENCHTOP_DAWN: "backend=null" },
            testTimeout: 60_000,
          },
        },
        {
          extends: true,
          test: {
            name: "gpu",
            include: [gpu],
            exclude: everywhere,
            env: { BENCHTOP_DAWN: "" },
            // A software adapter already uses every core.
            maxWorkers: 1,
            testTimeout: 300_000,
            hookTimeout: 120_000,
            // Creating and destroying Dawn instances often is slow and leaks; one a file is enough.
            isolate: true,
          },
        },
      ],
    },
  }),
);
