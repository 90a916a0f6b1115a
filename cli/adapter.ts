/**
 * Dawn, pointed at the adapter asked for. The Vulkan loader reads VK_DRIVER_FILES when Dawn makes its instance,
 * so the variable is set before; `launch.mjs` has already set it to the best driver it found.
 */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { z } from "zod";
import { Session } from "../lab/session.ts";
import { LabError } from "../lib/errors.ts";
import type { Io } from "./io.ts";

const backends = ["vulkan", "metal", "d3d12", "opengl"] as const;
const drivers = { lavapipe: /lvp_icd[^/]*\.json$/, swiftshader: /vk_swiftshader_icd\.json$/ } as const;

/** The flag of every command that computes. */
export const adapterFlag = {
  adapter: z.string().default("auto").meta({
    description:
      "auto: a real GPU, else a software one; gpu: a real one or none; lavapipe, swiftshader: these drivers; vulkan, metal, d3d12, opengl: the system's own driver of that kind; else part of an adapter's name",
    placeholder: "WHICH",
  }),
};

/** Dawn crashes when an instance is collected while devices live, so they are held, one per choice. */
const providers = new Map<string, GPU>();

/** Opens a device on the adapter asked for and says on standard error which it is. Throws `no-adapter`. */
export async function openSession(io: Io, choice: string): Promise<Session> {
  const session = await Session.open(await providerFor(io, choice)).catch((error: unknown) => {
    throw isMissing(error) ? noAdapter(choice, error.message) : error;
  });
  const { vendor, architecture, description, isSoftware, f16, subgroups } = session.adapter;
  if (choice === "gpu" && isSoftware) {
    session.close();
    throw new LabError("no-adapter", `the only adapter here is software: ${description || architecture}`, "Leave --adapter out to use it.");
  }
  const features = [f16 ? "f16" : "", subgroups ? "subgroups" : ""].filter((word) => word !== "");
  const name = description || [vendor, architecture].filter((word) => word !== "").join(" ");
  io.stderr.write(`adapter: ${name}${isSoftware ? " (software)" : ""}${features.length > 0 ? `, ${features.join(", ")}` : ""}\n`);
  return session;
}

/** Dawn that computes nothing but lays out memory as for a device: for planning. */
export function nullProvider(): Promise<GPU> {
  return make("null", ["backend=null"]);
}

async function providerFor(io: Io, choice: string): Promise<GPU> {
  if (choice === "lavapipe" || choice === "swiftshader") {
    const manifest = manifests(io).find((path) => drivers[choice].test(path));
    if (manifest === undefined) throw noAdapter(choice);
    return make(choice, ["backend=vulkan"], manifest);
  }
  if (choice === "auto" || choice === "gpu") return make("auto", []);
  const backend = backends.find((name) => name === choice);
  return make(choice, [backend === undefined ? `adapter=${choice}` : `backend=${backend}`]);
}

async function make(key: string, toggles: string[], driver?: string): Promise<GPU> {
  const known = providers.get(key);
  if (known !== undefined) return known;
  const before = process.env["VK_DRIVER_FILES"];
  if (driver !== undefined) process.env["VK_DRIVER_FILES"] = driver;
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const provider = create(toggles);
  providers.set(key, provider);
  // Only now, when the first adapter is asked for, is the driver loaded.
  if (driver !== undefined) {
    await provider.requestAdapter();
    if (before === undefined) delete process.env["VK_DRIVER_FILES"];
    else process.env["VK_DRIVER_FILES"] = before;
  }
  return provider;
}

/** Vulkan driver manifests on this machine; SwiftShader's lies beside Chromium. */
function manifests(io: Io): string[] {
  const system = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];
  const chrome = io.env["CHROME_PATH"];
  const beside = chrome !== undefined && existsSync(chrome) ? [dirname(realpathSync(chrome))] : [];
  return [...system, ...beside, "/usr/lib/chromium", "/opt/google/chrome"]
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => join(folder, name)));
}

/** Dawn throws where the filter leaves nothing, and answers null where there is nothing at all. */
function isMissing(error: unknown): error is Error {
  if (error instanceof LabError) return error.code === "no-adapter";
  return error instanceof Error && /no suitable backends|no supported adapters/i.test(error.message);
}

function noAdapter(choice: string, said = ""): LabError {
  const there = [...said.matchAll(/name: '([^']+)'/g)].map((match) => match[1]);
  const isAny = choice === "auto" || choice === "gpu";
  const what = isAny ? "no WebGPU adapter was found on this machine" : `there is no adapter "${choice}" on this machine`;
  return new LabError(
    "no-adapter",
    `${what}${there.length > 0 ? `, but ${there.join(" and ")}` : ""}`,
    "npm test names the packages that would give this machine one; VK_DRIVER_FILES points at a Vulkan driver of your own.",
  );
}
