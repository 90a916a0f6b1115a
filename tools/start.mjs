// @ts-check
/**
 * `npm start`: installs packages, builds the page, serves it on this machine, opens it where there is a
 * desktop. The last line printed is the address.
 *   --port N      first port to try (4300)     --strict-port  that port or none
 *   --no-open     do not open a browser         --no-build     serve dist/ as it is
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build.mjs";
import { ensurePackages } from "./packages.mjs";
import { isMain, root } from "./shell.mjs";
import { serve } from "./serve.mjs";

/**
 * The command that opens an address in the user's browser, or null where nobody would see it.
 * @param {string} platform @param {Record<string, string | undefined>} env @param {string} url
 */
export function openCommand(platform, env, url) {
  if (env["CI"] || env["SSH_CONNECTION"]) return null;
  if (platform === "darwin") return ["open", url];
  if (platform === "win32") return ["cmd", "/c", "start", "", url];
  return env["DISPLAY"] || env["WAYLAND_DISPLAY"] ? ["xdg-open", url] : null;
}

const usage = "npm start -- [--port N] [--strict-port] [--no-open] [--no-build]";

async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "4300" },
      "strict-port": { type: "boolean", default: false },
      "no-open": { type: "boolean", default: false },
      "no-build": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`--port: got ${values.port}, expected a whole number from 0 to 65535`);
  }
  if (!values["no-build"]) {
    await ensurePackages();
    await ensureBuild();
  }
  const strict = values["strict-port"];
  const { server, port: taken } = await serve(join(root, "dist"), port, { strict });
  const url = `http://localhost:${taken}/`;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.on(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
  console.error("Benchtop is ready. Stop it with Ctrl+C.");
  console.log(url);
  const [command, ...args] = (!values["no-open"] && openCommand(process.platform, process.env, url)) || [];
  if (command)
    spawn(command, args, { stdio: "ignore", detached: true })
      .on("error", () => {})
      .unref();
}

if (isMain(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
