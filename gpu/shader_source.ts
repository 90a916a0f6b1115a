import { LabError } from "../lib/errors.ts";

const files = import.meta.glob<string>("../shaders/**/*.wgsl", { query: "?raw", import: "default", eager: true });

/** Names (file stems) of all kernels in `shaders/`. */
export const kernelNames: readonly string[] = Object.keys(files)
  .filter((path) => !path.includes("/shared/"))
  .map((path) => path.slice(path.lastIndexOf("/") + 1, -".wgsl".length));

function read(path: string): string {
  const text = files[path];
  if (text === undefined) throw new LabError("internal", `no shader file ${path}`);
  return text;
}

/** The WGSL of one kernel with every `#import name` line replaced by `shaders/shared/name.wgsl`, each once. */
export function shaderSource(name: string): string {
  const imported = new Set<string>();
  const expand = (text: string): string =>
    text.replace(/^#import (\w+)\s*$/gm, (_, stem: string) => {
      if (imported.has(stem)) return "";
      imported.add(stem);
      return expand(read(`../shaders/shared/${stem}.wgsl`));
    });
  return expand(read(`../shaders/${name}.wgsl`));
}

/** Fields of `struct Uniforms { a: u32, b: f32 }` in order, or none where a kernel has no uniforms. */
export function uniformFields(wgsl: string): readonly (readonly [string, string])[] {
  const body = /struct Uniforms\s*\{([^}]*)\}/.exec(wgsl)?.[1];
  if (body === undefined) return [];
  return body
    .replace(/\/\/.*$/gm, "")
    .split(",")
    .map((field) => field.trim())
    .filter(Boolean)
    .map((field) => field.split(/\s*:\s*/) as [string, string]);
}

/** Storage bindings of group 0 in binding order, as [name, access]. */
export function storageBindings(wgsl: string): readonly (readonly [string, string])[] {
  const found: [number, string, string][] = [];
  const pattern = /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>\s*(\w+)/g;
  for (const m of wgsl.matchAll(pattern)) found.push([Number(m[1]), m[3]!, m[2]!]);
  found.sort((a, b) => a[0] - b[0]);
  return found.map(([, name, access]) => [name, access]);
}

/** `override` constants the shader declares. */
export function overrideNames(wgsl: string): readonly string[] {
  return [...wgsl.matchAll(/^override (\w+)/gm)].map((m) => m[1]!);
}
