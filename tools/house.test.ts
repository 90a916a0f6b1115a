import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  barrels,
  circles,
  fixedWaits,
  floorBreaches,
  inspect,
  literalTolerances,
  longFiles,
  machinePaths,
  parse,
  shaderBreaches,
  silentSkips,
  type SourceFile,
  strayShaders,
  unexplained,
} from "./house.ts";

const root = join(import.meta.dirname, "..");
const read = /\.(ts|tsx|mjs|wgsl|md|json|html|css)$/;
const notOurs = new Set(["node_modules", "dist", "test-results", "playwright-report", "package-lock.json"]);

function walk(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || notOurs.has(entry.name)) return [];
    // Checkpoints and data are large and are not written by hand.
    if (entry.isDirectory()) return path === "public/models" ? [] : walk(path);
    return read.test(path) ? [{ path, text: readFileSync(join(root, path), "utf8") }] : [];
  });
}

describe("the house", () => {
  const files = walk("");
  test("was walked", () => {
    for (const path of [
      "lib/errors.ts",
      "tools/house.ts",
      "tools/test.mjs",
      "e2e/smoke.spec.ts",
      "README.md",
    ]) {
      expect(files.map((f) => f.path)).toContain(path);
    }
  });
  test("keeps its rules", () => {
    expect(inspect(files)).toEqual([]);
  });
  test("explains its dependencies", () => {
    const text = (path: string) => readFileSync(join(root, path), "utf8");
    expect(unexplained(text("package.json"), text("docs/DEPENDENCIES.md"))).toEqual([]);
  });
});

const file = (path: string, text: string) => parse({ path, text });
const one = (path: string, text: string) => [file(path, text)];

describe("floors", () => {
  const breach = (path: string, text: string) => floorBreaches(one(path, text));

  test.each([
    ["lib/a.ts", `import { x } from "../gpu/x.ts";`, "is above lib/"],
    ["gpu/ops/a.ts", `import { x } from "../../lm/x.ts";`, "is above gpu/"],
    ["lm/a.ts", `export { x } from "../lab/x.ts";`, "is above lm/"],
    ["lm/a.ts", `export * from "../lab/x.ts";`, "is above lm/"],
    ["lm/a.ts", `const x = await import("../lab/x.ts");`, "is above lm/"],
    ["lm/a.ts", `import "../lab/x.ts";`, "is above lm/"],
    ["lab/a.ts", `import { x } from "../app/x.ts";`, "is above lab/"],
    ["lab/a.ts", `import { x } from "../cli/x.ts";`, "is above lab/"],
    ["lab/a.ts", `import type { X } from "../cli/x.ts";`, "is above lab/"],
    ["cli/a.ts", `import { x } from "../app/worker/x.ts";`, "is no floor below cli"],
    ["app/worker/a.ts", `import { x } from "../../cli/x.ts";`, "is no floor below worker"],
    ["app/worker/a.ts", `import { x } from "../charts/x.ts";`, "is no floor below worker"],
    ["app/a.tsx", `import { x } from "../gpu/x.ts";`, "computes"],
    ["app/a.tsx", `import { x } from "../lm/x.ts";`, "computes"],
    ["app/a.tsx", `import { x } from "../lab/session.ts";`, "computes"],
    ["app/a.tsx", `import { type X } from "../lab/session.ts";`, "computes"],
    ["app/a.tsx", `import { x } from "./worker/main.ts";`, "runs in the worker"],
    ["app/worker/client.ts", `import { x } from "../../lab/session.ts";`, "computes"],
    ["lab/registry.ts", `import { x } from "./session.ts";`, "reaches the page"],
    ["lab/world/story.ts", `import { x } from "../../lm/x.ts";`, "reaches the page"],
    ["lab/registry.ts", `import type { X } from "../app/x.ts";`, "is above lab/"],
    ["gpu/a.ts", `import { x } from "../lib/testing/close.ts";`, "is for tests alone"],
    ["lm/a.ts", `import { x } from "../tools/house.ts";`, "lies outside the house"],
  ])("%s may not: %s", (path, text, why) => {
    expect(breach(path, text)).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    ["lib/a.ts", `import { x } from "./b.ts"; import z from "zod";`],
    ["gpu/ops/a.ts", `import { x } from "../kernel.ts"; import { y } from "../../lib/y.ts";`],
    ["lm/a.ts", `import { x } from "../gpu/x.ts"; import { y } from "../lib/y.ts";`],
    ["lab/a.ts", `import { x } from "../lm/x.ts"; import { y } from "./registry.ts";`],
    ["lab/registry.ts", `import { x } from "../lib/x.ts"; import { y } from "./experiments/kv/describe.ts";`],
    ["lab/registry.ts", `import type { X } from "./session.ts";`],
    ["lab/registry.test.ts", `import { x } from "./session.ts";`],
    ["cli/a.ts", `import { x } from "../lab/session.ts"; import { y } from "../gpu/y.ts";`],
    ["app/worker/main.ts", `import { x } from "../../lab/session.ts"; import { y } from "./client.ts";`],
    ["app/a.tsx", `import { x } from "../lib/x.ts"; import { y } from "../lab/registry.ts";`],
    ["app/a.tsx", `import type { X } from "../lab/session.ts"; import { c } from "./worker/client.ts";`],
    ["app/a.tsx", `import W from "./worker/main.ts?worker";`],
    ["gpu/a.test.ts", `import { x } from "../lib/testing/close.ts";`],
    ["gpu/testing/a.ts", `import { x } from "../../lib/testing/close.ts";`],
    ["bench/a.ts", `import { x } from "../gpu/x.ts"; import { y } from "../lab/session.ts";`],
  ])("%s may: %s", (path, text) => {
    expect(breach(path, text)).toEqual([]);
  });

  test("an import in a comment or a string is none", () => {
    expect(
      breach("lib/a.ts", `// import { x } from "../gpu/x.ts"\nexport const t = 'import "../gpu/x.ts"';`),
    ).toEqual([]);
  });

  test("says file and line", () => {
    expect(breach("lib/a.ts", `\n\nimport { x } from "../gpu/x.ts";`)[0]).toMatch(
      /^lib\/a\.ts:3 imports gpu\/x\.ts/,
    );
  });
});

describe("shaders are read by gpu/ alone", () => {
  const glob = `export const all = import.meta.glob("../shaders/**/*.wgsl");`;
  test("elsewhere it is a breach", () => {
    expect(shaderBreaches(one("lm/a.ts", glob))).toHaveLength(1);
    expect(shaderBreaches(one("app/a.ts", `import code from "./a.wgsl?raw";`))).toHaveLength(1);
  });
  test("in gpu/ it is not", () => {
    expect(shaderBreaches(one("gpu/a.ts", glob))).toEqual([]);
  });
});

describe("circles", () => {
  const a = file("lib/a.ts", `import { b } from "./b.ts"; export const a = b;`);
  const b = file("lib/b.ts", `import { c } from "./c.ts"; export const b = c;`);
  const c = (text: string) => file("lib/c.ts", text);
  test("of three files, and of one", () => {
    expect(circles([a, b, c(`import { a } from "./a.ts"; export const c = a;`)])).toEqual([
      "circle: lib/a.ts → lib/b.ts → lib/c.ts → lib/a.ts",
    ]);
    expect(circles([c(`export * from "./c.ts";`)])).toEqual(["circle: lib/c.ts → lib/c.ts"]);
  });
  test("beyond a file already seen", () => {
    const d = file(
      "lib/d.ts",
      `import { a } from "./a.ts"; import { e } from "./e.ts"; export const d = a + e;`,
    );
    const e = file("lib/e.ts", `import { d } from "./d.ts"; export const e = d;`);
    expect(circles([a, b, c(`export const c = 1;`), d, e])).toEqual([
      "circle: lib/d.ts → lib/e.ts → lib/d.ts",
    ]);
  });
  test("types and later loading make none", () => {
    expect(
      circles([a, b, c(`import type { a } from "./a.ts"; export const c = () => import("./a.ts");`)]),
    ).toEqual([]);
  });
});

describe("barrels", () => {
  test("only re-export", () => {
    expect(barrels(one("lib/a.ts", `export * from "./b.ts";\nexport { x } from "./c.ts";`))).toHaveLength(1);
    expect(barrels(one("lib/a.ts", `import { x } from "./c.ts";\nexport { x };`))).toHaveLength(1);
    expect(barrels(one("lib/a.ts", `export type { X } from "./c.ts";`))).toHaveLength(1);
  });
  test("a file with something of its own is none, nor one that only runs", () => {
    expect(barrels(one("lib/a.ts", `export * from "./b.ts";\nexport const x = 1;`))).toEqual([]);
    expect(barrels(one("lib/a.ts", `import "./b.ts";`))).toEqual([]);
    expect(barrels(one("lib/a.ts", `import { x } from "./c.ts";\nx();\nexport { x };`))).toEqual([]);
  });
});

test("files have at most 450 lines", () => {
  const lines = (n: number, path = "lib/a.ts") => [{ path, text: "\n".repeat(n) }];
  expect(longFiles(lines(451))).toEqual(["lib/a.ts:1 has 451 lines, at most 450"]);
  expect(longFiles(lines(451, "shaders/a.wgsl"))).toHaveLength(1);
  expect(longFiles(lines(451, "app/a.tsx"))).toHaveLength(1);
  expect(longFiles(lines(450))).toEqual([]);
  expect(longFiles(lines(451, "docs/a.md"))).toEqual([]);
});

describe("tolerances", () => {
  const at = (path: string, text: string) => literalTolerances(one(path, text));
  test.each([
    `expect(a).toBeCloseTo(1);`,
    `expect(Math.abs(a - b) < 1e-5).toBe(true);`,
    `if (d > 2.5e-3) throw d;`,
    `expect(d <= 2 ** -20).toBe(true);`,
    `expect(d >= 0.001).toBe(false);`,
    `expect(d).toBeLessThan(1e-6);`,
    `expect(d).toBeGreaterThanOrEqual(.002);`,
    `expectClose(a, b, 1e-4);`,
    `expectClose(a, b, 0.005, "x");`,
  ])("not in a test: %s", (text) => {
    expect(at("gpu/a.test.ts", text)).toHaveLength(1);
    expect(at("gpu/a.gpu.test.ts", text)).toHaveLength(1);
    expect(at("e2e/a.spec.ts", text)).toHaveLength(1);
    expect(at("gpu/testing/a.ts", text)).toHaveLength(1);
  });
  test.each([
    `expectClose(a, b, gamma(8));`,
    `expectClose(schedule(10, 2), 1e-3, gamma(8));`,
    `expectClose(schedule(10, 2), 1e-3, gamma(8), "rate");`,
    `expect(n).toBeLessThan(12);`,
    `expect(p > 0.5).toBe(true);`,
    `// never toBeCloseTo(1)`,
    `const said = "x < 1e-5";`,
    `const eps = { eps: 1e-5 };`,
  ])("but this may be: %s", (text) => {
    expect(at("gpu/a.test.ts", text)).toEqual([]);
  });
  test("code is free to have small numbers, and the bounds file is their place", () => {
    expect(at("gpu/a.ts", `export const ok = (x: number) => x < 1e-5;`)).toEqual([]);
    expect(at("lib/testing/close.ts", `export const ok = (x: number) => x < 1e-5;`)).toEqual([]);
  });
});

test("no fixed waits", () => {
  expect(fixedWaits(one("e2e/a.spec.ts", `await page.waitForTimeout(500);`))).toHaveLength(1);
  expect(
    fixedWaits(one("e2e/a.spec.ts", `// waitForTimeout(500) would be slower\nawait locator.waitFor();`)),
  ).toEqual([]);
});

describe("tests laid aside", () => {
  const at = (text: string) => silentSkips(one("gpu/a.test.ts", text));
  test.each([
    `test.skip("x", () => {});`,
    `describe.skip("x", () => {});`,
    `it.todo("x");`,
    `test.describe.fixme("x", () => {});`,
    `test.skip("see http://example.org", () => {});`,
    `// not now\n\ntest.skip("x", () => {});`,
    `// why\ntest.skip("x", () => {});`,
    `// there is always a reason\ntest.only("x", () => {});`,
  ])("without a reason: %s", (text) => {
    expect(at(text)).toHaveLength(1);
  });
  test.each([
    `// Needs f16, which this adapter lacks.\ntest.skip("x", () => {});`,
    `test.skip("x", () => {}); // needs f16`,
    `list.skip(3);`,
    `// test.skip("x")`,
  ])("with one, or not a test: %s", (text) => {
    expect(at(text)).toEqual([]);
  });
});

test("no paths of one machine", () => {
  const at = (text: string) => machinePaths([{ path: "docs/a.md", text }]);
  for (const path of [
    "/home/ann/x",
    "/Users/ann",
    "/root/.cache",
    "/work/main",
    "C:\\Users\\ann",
    "C:\\\\Users\\\\ann",
  ]) {
    expect(at(`see ${path}`)).toHaveLength(1);
    expect(at(`"${path}"`)).toHaveLength(1);
  }
  for (const path of [
    "/usr/lib/chromium",
    "app/home/x",
    "https://example.org/home/x",
    "./work/x",
    "~/work/x",
  ]) {
    expect(at(`see ${path}`)).toEqual([]);
  }
});

test("no WGSL outside of .wgsl files", () => {
  expect(strayShaders(one("gpu/a.ts", "const c = `@compute @workgroup_size(1) fn main() {}`;"))).toHaveLength(
    1,
  );
  expect(strayShaders(one("gpu/a.ts", "const c = `${x} @workgroup_size(${n}) fn main() {}`;"))).toHaveLength(
    1,
  );
  expect(
    strayShaders(one("gpu/a.test.ts", `const c = "@compute @workgroup_size(1) fn main() {}";`)),
  ).toHaveLength(1);
  expect(strayShaders(one("gpu/a.ts", `throw new Error("no @compute entry point");`))).toEqual([]);
  expect(strayShaders(one("gpu/a.ts", "// @compute @workgroup_size(1) fn main() {}"))).toEqual([]);
});

test("every dependency has a line that says why, and every line a dependency", () => {
  const packages = JSON.stringify({ dependencies: { a: "1" }, devDependencies: { b: "1" } });
  const why = "It does what we would do worse.";
  expect(unexplained(packages, `| \`a\` | ${why} |\n| \`b\` | ${why} |`)).toEqual([]);
  expect(unexplained(packages, `| \`a\` | ${why} |`)).toEqual([
    "package.json: b has no line in docs/DEPENDENCIES.md",
  ]);
  expect(unexplained(packages, `| \`a\` | ${why} |\n| \`b\` |  |`)).toHaveLength(1);
  expect(unexplained("{}", `| \`c\` | ${why} |`)).toEqual(["docs/DEPENDENCIES.md: c is not in package.json"]);
});

test("`inspect` asks every rule", () => {
  const text = [
    `import { x } from "../gpu/x.ts";`,
    `import { y } from "./a.test.ts";`,
    `export const glob = "shaders/a.wgsl";`,
    `test.only("/home/ann", async () => { await page.waitForTimeout(9); });`,
    `expect(x).toBeCloseTo(y);`,
    "export const code = `@compute @workgroup_size(1) fn main() {}`;",
  ].join("\n");
  const said = inspect([
    { path: "lib/a.test.ts", text },
    { path: "lib/b.ts", text: `export * from "./c.ts"; import w from "./w.wgsl?raw";` },
    { path: "lib/long.ts", text: "\n".repeat(451) },
  ]).join("\n");
  for (const words of [
    "is above lib/",
    "circle",
    "re-exports",
    "451 lines",
    "tolerance",
    "fixed time",
    "only without",
    "holds WGSL",
    "one machine",
    "only gpu/ reads",
  ]) {
    expect(said).toContain(words);
  }
});
