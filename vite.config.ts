import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here("package.json"), "utf8")) as { version: string };

/**
 * The page. The base is relative, so `dist/` works from the root or any folder of any static host.
 * `import.meta.env.VITE_APP_VERSION` is the version of package.json, here, in tests and on the command line.
 */
export default defineConfig({
  root: here("app"),
  base: "./",
  publicDir: here("public"),
  plugins: [react()],
  define: { "import.meta.env.VITE_APP_VERSION": JSON.stringify(version) },
  // Tensor shapes and shader sources live above app/.
  server: { fs: { allow: [here(".")] } },
  worker: { format: "es" },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    // Every browser that has WebGPU has these.
    target: ["chrome121", "edge121", "firefox141", "safari26"],
    // Models and shaders are fetched or imported as they are; a base64 copy would only be larger.
    assetsInlineLimit: 0,
    sourcemap: true,
    chunkSizeWarningLimit: 1500,
  },
});
