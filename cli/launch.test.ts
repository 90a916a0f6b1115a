/** The command line as people start it: a process of its own. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempFolder } from "./testing/lab.ts";

const launcher = fileURLToPath(new URL("launch.mjs", import.meta.url));

function launch(words: readonly string[], root: string): Promise<{ code: number; stdout: string }> {
  const env = { ...process.env, BENCHTOP_ROOT: root };
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, ...words], { env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

test("a process prints one line of JSON and exits with its code", { timeout: 300_000 }, async () => {
  const root = tempFolder();
  mkdirSync(join(root, "public/models"), { recursive: true });
  writeFileSync(join(root, "public/models/index.json"), "[]");
  expect(await launch(["models", "--json"], root)).toEqual({ code: 0, stdout: '{"models":[]}\n' });
  const refused = await launch(["models", "--frob", "--json"], root);
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "bad-param" } });
});
