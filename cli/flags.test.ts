import { describe, expect, test } from "vitest";
import { z } from "zod";
import { LabError } from "../lib/errors.ts";
import type { Context } from "./command.ts";
import { defineCommand, flagName, flagsOf, nearest, parseFlags, parseSettings, settingsText, splitOnce } from "./flags.ts";

const schema = z.object({
  model: z.string().min(1).meta({ description: "the model", placeholder: "M" }),
  maxNewTokens: z.int().min(1).max(9).default(4),
  topP: z.number().gt(0).max(1).default(1),
  stopEos: z.boolean().default(true),
  tokens: z.array(z.int().min(0)).min(1).optional(),
  hooks: z.array(z.string()).optional(),
  set: z.array(z.string()).default([]).meta({ repeated: true }),
  kv: z.enum(["full", "window"]).default("full"),
});
const command = defineCommand({
  name: "try",
  summary: "",
  flags: schema,
  about: "",
  examples: [],
  run: async (flags) => ({ json: flags }),
});
const run = async (...words: string[]): Promise<object> => {
  const values = parseFlags(words, flagsOf(schema), "try");
  return (await command.execute(values, {} as Context)).json;
};
const refusal = async (...words: string[]): Promise<string> => {
  try {
    await run(...words);
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    expect((error as LabError).code).toBe("bad-param");
    expect((error as LabError).hint).toContain("try --help");
    return (error as LabError).message;
  }
  throw new Error("expected a refusal");
};

describe("flags of a schema", () => {
  test("defaults where nothing is said", async () => {
    expect(await run("--model", "m")).toEqual({ model: "m", maxNewTokens: 4, topP: 1, stopEos: true, set: [], kv: "full" });
  });

  test("values of every type, apart or after =", async () => {
    expect(
      await run(
        ..."--model=a=b --max-new-tokens 9 --top-p=.5 --stop-eos false".split(" "),
        "--tokens",
        "1,2, 3",
        ..."--hooks a.b,c --set x=1,2 --set y=3 --kv window".split(" "),
      ),
    ).toEqual({
      model: "a=b",
      maxNewTokens: 9,
      topP: 0.5,
      stopEos: false,
      tokens: [1, 2, 3],
      hooks: ["a.b", "c"],
      set: ["x=1,2", "y=3"],
      kv: "window",
    });
  });

  test("a boolean alone is true and takes no other word", async () => {
    expect(await run("--stop-eos", "--model", "m")).toMatchObject({ stopEos: true, model: "m" });
  });

  test("negative numbers are values, not flags", async () => {
    expect(await refusal("--model", "m", "--top-p", "-1")).toBe("--top-p is -1, expected more than 0");
  });

  test.each([
    [["--max-new-token", "3"], "try has no flag --max-new-token; did you mean --max-new-tokens?"],
    [["--tok", "3"], "try has no flag --tok; did you mean --tokens?"],
    [["--frobnicate", "3"], "try has no flag --frobnicate"],
    [["stray"], 'try takes flags only, got "stray"'],
    [["--model"], "--model needs a value"],
    [["--model", "--kv"], "--model needs a value (write --model=--kv if that is the value)"],
    [[], "--model is missing"],
    [["--model", ""], '--model is "", expected something in it'],
    [["--model", "a", "--model", "b"], "--model is given twice"],
    [["--model", "m", "--max-new-tokens", "many"], '--max-new-tokens is "many", expected a number'],
    [["--model", "m", "--max-new-tokens", "0x3"], '--max-new-tokens is "0x3", expected a number'],
    [["--model", "m", "--max-new-tokens", ""], '--max-new-tokens is "", expected a number'],
    [["--model", "m", "--max-new-tokens", "2.5"], "--max-new-tokens is 2.5, expected a whole number"],
    [["--model", "m", "--max-new-tokens", "10"], "--max-new-tokens is 10, expected at most 9"],
    [["--model", "m", "--max-new-tokens", "0"], "--max-new-tokens is 0, expected at least 1"],
    [["--model", "m", "--stop-eos=maybe"], '--stop-eos is "maybe", expected true or false'],
    [["--model", "m", "--tokens", "1,,2"], '--tokens is "", expected whole numbers separated by commas'],
    [["--model", "m", "--tokens", "1,-2"], "--tokens is -2, expected at least 0"],
    [["--model", "m", "--kv", "h2o"], '--kv is "h2o", expected full or window'],
  ])("refuses %j", async (words, message) => {
    expect(await refusal(...words)).toBe(message);
  });
});

describe("settings", () => {
  const settings = z.object({ beta: z.number().gt(0).default(0.1).meta({ description: "how much" }), isOn: z.boolean().default(false) });
  const read = (...words: string[]) => parseSettings(settings, words, "dpo", "try");

  test("are typed by their schema", () => {
    expect(read()).toEqual({ beta: 0.1, isOn: false });
    expect(read("beta=2e-3", "isOn=true")).toEqual({ beta: 0.002, isOn: true });
    expect(settingsText(settings)).toBe("beta=0.1 (how much), isOn=false");
  });

  test.each([
    [["gamma=1"], "--set gamma: dpo has beta, isOn"],
    [["beta"], "--set beta needs a value: beta=…"],
    [["beta=1", "beta=2"], "--set beta is given twice"],
    [["beta=x"], '--set beta is "x", expected a number'],
    [["beta=0"], "--set beta is 0, expected more than 0"],
    [["__proto__=1"], "--set __proto__: dpo has beta, isOn"],
  ])("refuses %j", (words, message) => {
    expect(() => read(...words)).toThrow(message);
  });
});

test("names, splits and near misses", () => {
  expect(flagName("maxNewTokens")).toBe("--max-new-tokens");
  expect(splitOnce("a=b=c", "=")).toEqual(["a", "b=c"]);
  expect(splitOnce("a", "=")).toEqual(["a", undefined]);
  expect(nearest("genrate", ["generate", "train"])).toBe("generate");
  expect(nearest("zzzzzz", ["generate", "train"])).toBeUndefined();
});
