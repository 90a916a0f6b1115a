// @ts-check
/** Runs `bench/matmul.ts` with the same driver and module rules as the tests. */
import { join } from "node:path";
import { runnerImport } from "vite";
import { root } from "../tools/shell.mjs";
import { setUpVulkan } from "../tools/vulkan.mjs";

setUpVulkan();
await runnerImport(join(root, "bench/matmul.ts"), { root, configFile: false, logLevel: "warn" });
// Dawn's threads would keep the process alive.
process.exit();
