import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { finishCheckpoint, writeCheckpoint } from "./checkpoint_store.ts";
import { tempFolder } from "./testing/lab.ts";
import { checkSettings } from "./trainer_file.ts";

const files = (text: string) => new Map(["a.json", "b.bin"].map((name) => [name, [new TextEncoder().encode(text), new TextEncoder().encode("!")]]));
const contents = (folder: string) => Object.fromEntries(readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));

test("writes whole files and leaves nothing else", async () => {
  const folder = join(tempFolder(), "new/deep");
  await writeCheckpoint(folder, files("one"));
  await writeCheckpoint(folder, files("two"));
  expect(contents(folder)).toEqual({ "a.json": "two!", "b.bin": "two!" });
});

test("a writer killed before all files were there leaves the checkpoint before", async () => {
  const folder = tempFolder();
  await writeCheckpoint(folder, files("one"));
  writeFileSync(join(folder, "a.json.part"), "half");
  await finishCheckpoint(folder);
  expect(contents(folder)).toMatchObject({ "a.json": "one!", "b.bin": "one!" });
});

test("a writer killed between two renames is finished by whoever comes next", async () => {
  const folder = tempFolder();
  await writeCheckpoint(folder, files("one"));
  writeFileSync(join(folder, "a.json"), "two!");
  writeFileSync(join(folder, "b.bin.part"), "two!");
  writeFileSync(join(folder, "checkpoint.ready"), '["a.json","b.bin"]');
  await finishCheckpoint(folder);
  expect(contents(folder)).toEqual({ "a.json": "two!", "b.bin": "two!" });
});

test("a list that names a path is refused", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "checkpoint.ready"), '["../x"]');
  await expect(finishCheckpoint(folder)).rejects.toThrow("is not a plain name");
});

test("a folder that cannot be made is the caller's mistake", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "file"), "");
  await expect(writeCheckpoint(join(folder, "file/x"), files("one"))).rejects.toMatchObject({ code: "bad-param" });
});

test("a resumed run must have the settings of its start", () => {
  expect(() => checkSettings({ "--lr": 1, "--seed": 2 }, { "--lr": 1, "--seed": 2 })).not.toThrow();
  expect(() => checkSettings({ "--lr": 1 }, { "--lr": 2 })).toThrow("--lr: now 2, at the start of the run 1");
  expect(() => checkSettings({ "--lr": 1 }, {})).toThrow("--lr: now left out, at the start of the run 1");
  expect(() => checkSettings({ "--data": null }, { "--data": "x" })).toThrow('--data: now "x", at the start of the run left out');
});
