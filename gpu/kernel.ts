import { LabError } from "../lib/errors.ts";
import { overrideNames, shaderSource, storageBindings, uniformFields } from "./shader_source.ts";

export type Scalar = "u32" | "i32" | "f32";
export type Access = "read" | "read_write";

/**
 * One WGSL file as TypeScript sees it. Bindings are in binding order; the uniforms, where there are any,
 * take the binding after the last. Both are compared with the WGSL when the kernel is first built.
 */
export interface Kernel<B extends string = string, U extends string = string> {
  /** Stem of `shaders/<name>.wgsl`, and the GPU label. */
  readonly name: string;
  readonly bindings: Readonly<Record<B, Access>>;
  readonly uniforms: Readonly<Record<U, Scalar>>;
  /** The binding whose dtype decides what `elem` means in the WGSL (f32 or f16). */
  readonly elem?: B;
  /** Settings of the overrides in use besides the defaults; the compile test makes a pipeline of each. */
  readonly permutations?: readonly Readonly<Record<string, number>>[];
}

export function defineKernel<const B extends string, const U extends string = never>(kernel: {
  readonly name: string;
  readonly bindings: Readonly<Record<B, Access>>;
  readonly uniforms?: Readonly<Record<U, Scalar>>;
  readonly elem?: NoInfer<B>;
  readonly permutations?: readonly Readonly<Record<string, number>>[];
}): Kernel<B, U> {
  return Object.freeze({ ...kernel, uniforms: kernel.uniforms ?? ({} as Record<U, Scalar>) });
}

/** Everything that distinguishes one compiled pipeline of a kernel from another. */
export interface Variant {
  readonly kernel: Kernel;
  readonly elem: "f32" | "f16";
  readonly constants: Readonly<Record<string, number>>;
}

export function variantKey({ kernel, elem, constants }: Variant): string {
  const parts = Object.keys(constants).sort().map((name) => `${name}=${constants[name]}`);
  return [kernel.name, elem, ...parts].join(" ");
}

/** Fold a 1-D grid past the 65,535-workgroup limit into y; the kernel uses `wg.x + wg.y * nwg.x`. */
export function fold(n: number): readonly [number, number] {
  return n <= 65535 ? [n, 1] : [65535, Math.ceil(n / 65535)];
}

/** The complete WGSL of a variant: generated prelude + file with its imports. Throws `internal` where the
 * TypeScript declaration and the WGSL disagree, naming both. */
export function variantSource({ kernel, elem, constants }: Variant): string {
  const wgsl = shaderSource(kernel.name);
  const compare = (what: string, ts: string, file: string) => {
    if (ts !== file) {
      throw new LabError("internal", `kernel ${kernel.name}: ${what} differ; TypeScript has (${ts}), WGSL has (${file})`);
    }
  };
  const list = (entries: readonly (readonly [string, string])[]) => entries.map(([k, v]) => `${k}: ${v}`).join(", ");
  compare("bindings", list(Object.entries(kernel.bindings)), list(storageBindings(wgsl)));
  compare("uniforms", list(Object.entries(kernel.uniforms)), list(uniformFields(wgsl)));
  const known = overrideNames(wgsl);
  for (const name of Object.keys(constants)) {
    if (!known.includes(name)) throw new LabError("internal", `kernel ${kernel.name}: no override ${name} in the WGSL`);
  }
  const prelude = elem === "f16" ? "enable f16;\nalias elem = f16;\n" : "alias elem = f32;\n";
  return prelude + wgsl;
}
