import { beforeAll, describe, expect, test } from "vitest";
import { Gpu } from "./gpu.ts";
import type { Kernel, Variant } from "./kernel.ts";
import { variantKey } from "./kernel.ts";
import { compile } from "./pipelines.ts";
import { kernelNames } from "./shader_source.ts";
import { nodeProvider } from "./testing/node_gpu.ts";

const modules = import.meta.glob<Record<string, unknown>>(["./ops/*.ts", "./optim/*.ts", "!./**/*.test.ts"], {
  eager: true,
});
const fixtures = import.meta.glob<string>("./testing/fixtures/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});

const isKernel = (value: unknown): value is Kernel =>
  typeof value === "object" && value !== null && "name" in value && "bindings" in value;

const kernels = Object.values(modules).flatMap((module) => Object.values(module).filter(isKernel));

const variants: Variant[] = kernels.flatMap((kernel) =>
  (kernel.elem === undefined ? (["f32"] as const) : (["f32", "f16"] as const)).flatMap((elem) =>
    [{}, ...(kernel.permutations ?? [])].map((constants) => ({ kernel, elem, constants })),
  ),
);

/** Dawn's null backend: it checks shaders and pipelines and needs no adapter. */
let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open(nodeProvider("backend=null"));
});

test("every file of shaders/ has exactly one kernel, and every kernel its file", () => {
  expect(kernels.map((kernel) => kernel.name).sort()).toEqual([...kernelNames].sort());
});

describe("compiles and makes its pipeline", () => {
  test.each(variants.map((variant) => [variantKey(variant), variant] as const))(
    "%s",
    async (key, variant) => {
      expect(variant.elem === "f32" || gpu.features.f16).toBe(true);
      await gpu.guarded(key, () => compile(gpu.device, variant, key));
    },
  );
});

describe("the compiler refuses planted faults", () => {
  const build = async (name: string): Promise<string | undefined> => {
    const code = fixtures[`./testing/fixtures/${name}.wgsl`]!;
    gpu.device.pushErrorScope("validation");
    gpu.device.createShaderModule({ code });
    return (await gpu.device.popErrorScope())?.message;
  };
  test("a wrong type", async () => expect(await build("wrong_type")).toMatch(/cannot assign|type/));
  test("a barrier in non-uniform control flow", async () =>
    expect(await build("nonuniform_barrier")).toMatch(/uniform control flow/));
  test("but not sound code", async () => expect(await build("sound")).toBeUndefined());
});
