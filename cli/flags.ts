/**
 * Flags from a schema. A field `maxNewTokens: z.int()` is the flag `--max-new-tokens N`; what zod says of the
 * field (as JSON Schema) decides how its text is read. Booleans may stand alone. Lists are separated by commas,
 * or, with `.meta({ repeated: true })`, given by repeating the flag.
 */
import { z } from "zod";
import { LabError } from "../lib/errors.ts";
import type { AnyCommand, Command } from "./command.ts";

/** The part of a field's JSON Schema that flags need. */
export interface FlagSchema {
  readonly type?: "string" | "number" | "integer" | "boolean" | "array";
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: { readonly type?: string };
  /** What stands for the value in `--help`. */
  readonly placeholder?: string;
  readonly repeated?: boolean;
}

export interface Flag extends FlagSchema {
  /** camelCase, as in the schema. */
  readonly key: string;
  /** `--kebab-case`. */
  readonly name: string;
  readonly isRequired: boolean;
}

/** Flags that every command takes. */
export const commonFlags = z.object({
  json: z.boolean().default(false).meta({
    description: "print one JSON object on the last line of standard output and nothing else there",
  }),
  help: z.boolean().default(false).meta({ description: "say what the command does and takes" }),
});

export const flagName = (key: string): string => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** The flags of a schema, in its order. */
export function flagsOf(schema: z.ZodType): Flag[] {
  const json = z.toJSONSchema(schema, { io: "input" });
  const required = new Set(json.required);
  return Object.entries(json.properties ?? {}).map(([key, field]) => ({
    ...(field as FlagSchema),
    key,
    name: flagName(key),
    isRequired: required.has(key),
  }));
}

/** Checks that the values read from flags fit the command, and hides their type. */
export function defineCommand<Flags extends z.ZodType>(command: Command<Flags>): AnyCommand {
  return {
    ...command,
    execute(values, context) {
      const parsed = command.flags.safeParse(values);
      if (!parsed.success) throw usage(sentenceOf(parsed.error, values), command.name);
      return command.run(parsed.data, context);
    },
  };
}

/** A mistake in how the command was called. */
export const usage = (message: string, command?: string): LabError =>
  new LabError("bad-param", message, `Try: lab ${command === undefined ? "" : `${command} `}--help`);

/** Words after the command's name → values by camelCase name. Throws `bad-param`. */
export function parseFlags(words: readonly string[], flags: readonly Flag[], command: string): Record<string, unknown> {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const values: Record<string, unknown> = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("--")) throw usage(`${command} takes flags only, got "${word}"`, command);
    const [name, attached] = splitOnce(word, "=");
    const flag = byName.get(name);
    if (flag === undefined) {
      const near = nearest(name, [...byName.keys()]);
      throw usage(`${command} has no flag ${name}${near === undefined ? "" : `; did you mean ${near}?`}`, command);
    }
    let text = attached;
    if (text === undefined) {
      const next = words[i + 1];
      if (flag.type === "boolean") {
        if (next === "true" || next === "false") text = words[++i]!;
        else text = "true";
      } else {
        if (next === undefined || next.startsWith("--")) {
          const hint = next === undefined ? "" : ` (write ${name}=${next} if that is the value)`;
          throw usage(`${name} needs a value${hint}`, command);
        }
        text = words[++i]!;
      }
    }
    const value = readValue(flag, text, command);
    const before = values[flag.key];
    if (before === undefined) values[flag.key] = value;
    else if (flag.repeated === true) values[flag.key] = [...(before as unknown[]), ...(value as unknown[])];
    else throw usage(`${name} is given twice`, command);
  }
  return values;
}

function readValue(flag: Flag, text: string, command: string): unknown {
  switch (flag.type) {
    case "boolean":
      if (text === "true" || text === "false") return text === "true";
      throw usage(`${flag.name} is "${text}", expected true or false`, command);
    case "number":
    case "integer":
      return readNumber(flag, text, command);
    case "array": {
      if (flag.repeated === true) return [text];
      const parts = text.split(",").map((part) => part.trim());
      return flag.items?.type === "string" ? parts : parts.map((part) => readNumber(flag, part, command));
    }
    default:
      return text;
  }
}

function readNumber(flag: Flag, text: string, command: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const what = flag.type === "array" ? "whole numbers separated by commas" : "a number";
  throw usage(`${flag.name} is "${text}", expected ${what}`, command);
}

/** Words `key=value` of `--set` → checked values of a schema. Throws `bad-param` with what there is. */
export function parseSettings<Settings extends z.ZodType>(
  schema: Settings,
  words: readonly string[],
  what: string,
  command: string,
): z.infer<Settings> {
  const known = flagsOf(schema);
  const values: Record<string, unknown> = {};
  for (const word of words) {
    const [key, text] = splitOnce(word, "=");
    const setting = known.find((candidate) => candidate.key === key);
    if (setting === undefined) {
      throw usage(`--set ${key}: ${what} has ${known.map((one) => one.key).join(", ")}`, command);
    }
    if (text === undefined) throw usage(`--set ${key} needs a value: ${key}=…`, command);
    if (Object.hasOwn(values, key)) throw usage(`--set ${key} is given twice`, command);
    values[key] = readValue({ ...setting, name: `--set ${key}` }, text, command);
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) throw usage(sentenceOf(parsed.error, values, (key) => `--set ${key}`), command);
  return parsed.data;
}

/** The settings of a schema with their defaults, for the description of `--set`. */
export const settingsText = (schema: z.ZodType): string =>
  flagsOf(schema)
    .map(({ key, default: value, description }) => `${key}=${String(value)}${description === undefined ? "" : ` (${description})`}`)
    .join(", ");

/** The first thing a schema found wrong, as a sentence about a flag. */
export function sentenceOf(
  error: z.ZodError,
  values: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string = flagName,
): string {
  const issue = error.issues[0];
  const key = issue?.path[0];
  if (issue === undefined || key === undefined) return issue?.message ?? "the flags do not fit together";
  const name = nameOf(String(key));
  const value = values[String(key)];
  if (value === undefined) return `${name} is missing`;
  const part = issue.path[1] === undefined ? value : (value as unknown[])[Number(issue.path[1])];
  return `${name} is ${JSON.stringify(part)}, expected ${expectation(issue)}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      if (issue.origin === "array" || issue.origin === "string") return "something in it";
      return `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_type":
      return issue.expected === "int" ? "a whole number" : `a ${issue.expected}`;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    default:
      return issue.message;
  }
}

/** Splits at the first separator; the second part is undefined where there is none. */
export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The known word with the fewest edits, if there are few enough to be a slip. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.replace(/^--/, "").length / 3)) + 1;
  let [best, bestEdits]: [string | undefined, number] = [undefined, limit];
  for (const candidate of known) {
    const edits = candidate.startsWith(word) && word.length > 3 ? 1 : editDistance(word, candidate);
    if (edits <= bestEdits && (best === undefined || edits < bestEdits)) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and substitutions that turn a into b. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
