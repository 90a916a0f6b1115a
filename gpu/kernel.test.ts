import { describe, expect, test } from "vitest";
import { defineKernel, fold, type Kernel, variantKey, variantSource } from "./kernel.ts";
import { addKernel } from "./ops/add.ts";
import { embeddingKernel } from "./ops/embedding.ts";
import { overrideNames, shaderSource, storageBindings, uniformFields } from "./shader_source.ts";

const sourceOf = (kernel: Kernel, constants: Record<string, number> = {}) =>
  variantSource({ kernel, elem: "f32", constants });
const { name, bindings, uniforms } = addKernel;

describe("the declaration is compared with the WGSL, and both are named", () => {
  test("bindings in another order", () => {
    const kernel = defineKernel({ name, bindings: { b: "read", a: "read", y: "read_write" }, uniforms });
    expect(() => sourceOf(kernel)).toThrow(
      "kernel add: bindings differ; TypeScript has (b: read, a: read, y: read_write), WGSL has (a: read, b: read, y: read_write)",
    );
  });

  test("a binding of another access", () => {
    const kernel = defineKernel({ name, bindings: { a: "read", b: "read", y: "read" }, uniforms });
    expect(() => sourceOf(kernel)).toThrow(/y: read\), WGSL has \(.*y: read_write\)/);
  });

  test("a uniform of another type, and one too few", () => {
    const wrong = defineKernel({ name, bindings, uniforms: { n: "u32", n_b: "f32", scale: "f32" } });
    expect(() => sourceOf(wrong)).toThrow(
      /uniforms differ; TypeScript has \(n: u32, n_b: f32, scale: f32\), WGSL has \(n: u32, n_b: u32, scale: f32\)/,
    );
    expect(() => sourceOf(defineKernel({ name, bindings, uniforms: { n: "u32" } }))).toThrow(
      /uniforms differ/,
    );
  });

  test("a constant that is no override", () => {
    expect(() => sourceOf(addKernel, { TILE: 4 })).toThrow("kernel add: no override TILE in the WGSL");
    expect(sourceOf(addKernel, { WG_SIZE: 32 })).toContain("override WG_SIZE");
  });

  test("a kernel without a file", () => {
    expect(() => sourceOf(defineKernel({ name: "no_such", bindings: {} }))).toThrow(
      "no shader file ../shaders/no_such.wgsl",
    );
  });
});

test("elem is f32, or f16 with the extension enabled", () => {
  expect(variantSource({ kernel: embeddingKernel, elem: "f32", constants: {} })).toMatch(
    /^alias elem = f32;\n/,
  );
  expect(variantSource({ kernel: embeddingKernel, elem: "f16", constants: {} })).toMatch(
    /^enable f16;\nalias elem = f16;\n/,
  );
});

test("imports are put in once each, also those of imports", () => {
  const wgsl = shaderSource("activation");
  expect(wgsl).not.toMatch(/^#/m);
  expect(wgsl.match(/fn sigmoid/g)).toHaveLength(1);
  expect(overrideNames(wgsl)).toEqual(["WG_SIZE", "KIND"]);
});

test("fields, bindings and keys as they are written", () => {
  const wgsl =
    "struct Uniforms {\n  a: u32, // one\n  b : f32,\n}\n@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n@group(0) @binding(0) var<storage, read> x: array<f32>;";
  expect(uniformFields(wgsl)).toEqual([
    ["a", "u32"],
    ["b", "f32"],
  ]);
  expect(storageBindings(wgsl)).toEqual([
    ["x", "read"],
    ["y", "read_write"],
  ]);
  const key = (constants: Record<string, number>) =>
    variantKey({ kernel: addKernel, elem: "f32", constants });
  expect(key({ B: 1, A: 2 })).toBe("add f32 A=2 B=1");
  expect(key({ A: 2, B: 1 })).toBe(key({ B: 1, A: 2 }));
});

test("fold covers every group within the limit", () => {
  for (const n of [1, 65535, 65536, 131070, 131071, 4_000_000]) {
    const [x, y] = fold(n);
    expect(x <= 65535 && y <= 65535 && x * y >= n && x * (y - 1) < n).toBe(true);
  }
});
