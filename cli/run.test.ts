import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commands } from "./commands.ts";
import { flagsOf } from "./flags.ts";
import { byteText, duration, Progress, table } from "./io.ts";
import { jsonLine } from "./run.ts";
import { goldenConfig } from "../lm/testing/golden_fill.ts";
import { errorOf, lab, tempFolder } from "./testing/lab.ts";
import { writeGoldenModel } from "./testing/model_folder.ts";

describe("help", () => {
  test("of all names every command and the conventions", async () => {
    const { code, stdout, stderr } = await lab(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const { name, summary } of commands) expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
    expect(stdout).toContain("Exit codes: 0 success, 1 a failed run, 2 bad usage or bad input, 130 interrupted");
    expect(stdout).toContain("NaN or infinite are null");
    for (const later of ["experiments", "compare", "link"]) expect(stdout).not.toMatch(new RegExp(`^ {2}${later} `, "m"));
  });

  test.each(commands.map((command) => [command.name, command] as const))("of %s names its flags and its JSON", async (name, command) => {
    const { code, stdout } = await lab([name, "--help"]);
    expect(code).toBe(0);
    for (const flag of flagsOf(command.flags)) {
      expect(stdout).toContain(`  ${flag.name} `);
      expect(flag.description, `${name} ${flag.name} has no description`).toBeTruthy();
      // Long descriptions run over several lines.
      expect(stdout.replaceAll(/\n +/g, " ")).toContain(flag.description);
      for (const line of stdout.split("\n").filter((row) => row.startsWith("   "))) expect(line.length).toBeLessThanOrEqual(120);
    }
    expect(stdout).toContain("JSON: {");
    expect(stdout).toContain(`npm run -s lab -- ${name}`);
    expect(stdout).toContain("--json");
    for (const example of command.examples) expect(example.split(" ")[0]).toBe(name);
  });

  test("of one command, to the letter", async () => {
    expect((await lab(["tokenize", "--help"])).stdout).toBe(`lab tokenize: text to token ids, and back

  npm run -s lab -- tokenize --model M [flags]

  --model M        the model: bundled:NAME, a folder in Hugging Face layout, or a .safetensors file (required)
  --text TEXT      the text to cut into tokens
  --tokens I,I,…   ids, taken as they are (no start token is added)
  --special false  begin with the model's start token, as a prompt of generate does (default true)
  --json           print one JSON object on the last line of standard output and nothing else there
  --help           say what the command does and takes

JSON: {tokens, text, pieces}: the ids, what they spell (special tokens written out), and every token as inside the
text, its leading space kept. No adapter is needed.

Examples:
  npm run -s lab -- tokenize --model bundled:world-m --text "Tom has a red ball."
  npm run -s lab -- tokenize --model bundled:world-m --tokens 1,200,201
`);
  });

  test("--version is one line", async () => {
    expect((await lab(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("errors", () => {
  test.each([
    [["genrate"], "genrate is no command; did you mean generate?"],
    [["--adapter", "models"], "--adapter is no command; the command comes first"],
    [["models", "--all"], "models has no flag --all"],
    [["generate", "--model", "m"], "give either --prompt or --tokens"],
    [["generate", "--model", "m", "--prompt", "a", "--tokens", "1"], "give either --prompt or --tokens"],
    [["generate", "--model", "m", "--tokens", "1", "--kv", "h2o"], '--kv is "h2o", expected full'],
    [["loss", "--model", "m", "--batch", "b", "--loss", "dpo"], '--loss is "dpo", expected ce'],
    [["loss", "--model", "m", "--batch", "b"], "--loss is missing"],
    [["tokenize", "--model", "m"], "give either --text or --tokens"],
    [["train", "--steps", "3"], "give either --model or --recipe"],
    [["train", "--model", "m", "--loss", "ce", "--steps", "3"], "--data is missing"],
    [["train", "--model", "m", "--data", "d", "--steps", "3"], "--loss is missing"],
    [["train", "--model", "m", "--data", "d", "--loss", "ce"], "--steps is missing"],
    [["train", "--recipe", "r", "--lr", "1"], "--lr is the recipe's to say"],
    [["train", "--recipe", "r", "--batch-size", "1"], "--batch-size is the recipe's to say"],
    [["train", "--recipe", "r", "--eval-every", "1"], "--eval-every with a recipe needs --eval-data"],
    [["train", "--recipe", "r", "--data", "d"], "--data goes with --model; a recipe makes its own data"],
    [["train", "--recipe", "r", "--resume"], "--resume needs --out, the folder of the run to go on with"],
  ])("%j is bad usage", async (words, message) => {
    const plain = await lab(words);
    expect([plain.code, plain.stdout]).toEqual([2, ""]);
    expect(plain.stderr).toMatch(`error: ${message}\n`);
    const ran = await lab([...words, "--json"]);
    expect([ran.code, ran.stderr]).toEqual([2, ""]);
    const error = errorOf(ran);
    expect(error).toMatchObject({ code: "bad-param", message });
    expect(error.hint).toMatch(/^Try: lab .*--help$/);
    expect(Object.keys(ran.json() as object)).toEqual(["error"]);
  });

  test.each([
    ["no/such/place", "not-found", "no/such/place: no such file or folder"],
    ["hf:owner/name@main", "unsupported", "hf:owner/name@main: models are not fetched from the Hub yet"],
    ["x/model.gguf", "unsupported", "x/model.gguf: GGUF files are not read yet"],
    ["stories.bin", "unsupported", "stories.bin: llama2.c .bin files are not read yet"],
    ["package.json", "unsupported", "package.json is no .safetensors file"],
    ["bundled:../..", "bad-param", '"../.." is no name of a bundled model'],
    ["bundled:nobody", "not-found", "no model named nobody comes with the lab"],
    ["lib", "not-found", "no config.json here"],
  ])("model %s is %s", async (model, code, message) => {
    const ran = await lab(["inspect", "--model", model, "--json"], { env: { BENCHTOP_ROOT: "." } });
    expect(ran.code).toBe(2);
    expect(errorOf(ran)).toMatchObject({ code, message });
    expect(errorOf(ran).hint === null || errorOf(ran).hint !== "").toBe(true);
  });

  test("no command is bad usage", async () => {
    const { code, stderr, stdout } = await lab([]);
    expect([code, stdout, stderr]).toEqual([2, "", "error: no command is given\n  Try: lab --help\n"]);
  });

  test("a command interrupted before it has anything to say exits with 130", async () => {
    const model = writeGoldenModel(tempFolder(), goldenConfig);
    const ran = await lab(["inspect", "--model", model, "--json"], { signal: AbortSignal.abort() });
    expect([ran.code, errorOf(ran)]).toEqual([130, { code: "cancelled", message: "Cancelled.", hint: null }]);
  });

  test("without a root nothing bundled is guessed", async () => {
    expect(errorOf(await lab(["models", "--json"]))).toMatchObject({ code: "not-found" });
  });
});

describe("models", () => {
  const card = {
    family: "llama",
    weights: { sha256: "ab".repeat(32) },
    evaluation: { skills: [{ skill: "stories", n: 50, accuracy: 0.96, correct: 48 }] },
  };
  const root = (cardText: string): string => {
    const path = tempFolder();
    mkdirSync(join(path, "public/models/tiny"), { recursive: true });
    const index = [{ name: "tiny", summary: "A tiny one.", nParams: 1000, bytes: 2048 }];
    writeFileSync(join(path, "public/models/index.json"), JSON.stringify(index));
    writeFileSync(join(path, "public/models/tiny/card.json"), cardText);
    return path;
  };

  test("lists catalogue and cards", async () => {
    const env = { BENCHTOP_ROOT: root(JSON.stringify(card)) };
    const ran = await lab(["models", "--json"], { env });
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(ran.json()).toEqual({
      models: [
        {
          ref: "bundled:tiny",
          family: "llama",
          nParams: 1000,
          bytes: 2048,
          sha256: "ab".repeat(32),
          skills: [{ skill: "stories", n: 50, accuracy: 0.96 }],
        },
      ],
    });
    const plain = await lab(["models"], { env });
    expect(plain.stdout).toContain("bundled:tiny  llama, 0.00100 M parameters, 2.05 kB");
    expect(plain.stdout).toContain("stories  96.0 %  of 50");
  });

  test("a catalogue that is no JSON is a bad file", async () => {
    const path = tempFolder();
    mkdirSync(join(path, "public/models"), { recursive: true });
    writeFileSync(join(path, "public/models/index.json"), "[{");
    const ran = await lab(["models", "--json"], { env: { BENCHTOP_ROOT: path } });
    expect([ran.code, errorOf(ran).code]).toEqual([2, "bad-file"]);
    expect(errorOf(ran).message).toContain("models/index.json");
  });

  test("says which card is wrong", async () => {
    const env = { BENCHTOP_ROOT: root(JSON.stringify({ ...card, weights: { sha256: "?" } })) };
    const error = errorOf(await lab(["models", "--json"], { env }));
    expect(error.code).toBe("bad-file");
    expect(error.message).toContain("tiny/card.json");
  });
});

test("JSON: typed arrays are arrays, what is no number is null, one line", () => {
  const value = { a: Float32Array.of(1, Number.NaN, Infinity), b: -Infinity, c: Uint32Array.of(3), d: "x\ny", e: new Float64Array(0) };
  expect(jsonLine(value)).toBe('{"a":[1,null,null],"b":null,"c":[3],"d":"x\\ny","e":[]}');
});

describe("for a reader", () => {
  test("durations, bytes and columns", () => {
    expect([850, 12_000, 200_000, 7_500_000].map(duration)).toEqual(["850 ms", "12 s", "3 min 20 s", "2 h 5 min"]);
    expect([512, 1_040_128, 2e9].map(byteText)).toEqual(["512 B", "1.04 MB", "2 GB"]);
    expect(table([["a", 10], ["bcd", 9]])).toBe("a    10\nbcd   9");
  });

  test("progress draws over itself on a terminal and wipes what it drew", () => {
    let text = "";
    const progress = new Progress({ write: (more) => (text += more), isTTY: true, columns: 40 }, "loading");
    progress.update(1, 2, "half");
    progress.update(2, 2, "all");
    progress.end();
    expect(text).not.toContain("\n");
    expect(text.split("\r\u001b[K").map((part) => part.slice(0, 40))).toEqual([
      "",
      "############············ loading 50 %, ",
      "######################## loading 100 %,",
      "",
    ]);
  });

  test("progress of quick work leaves no line in a log", () => {
    let text = "";
    const progress = new Progress({ write: (more) => (text += more) }, "loading");
    for (let i = 0; i <= 100; i++) progress.update(i, 100);
    progress.end();
    expect(text).toBe("");
  });
});
