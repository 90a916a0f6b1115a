/** The command line as a function: words and streams in, an exit code out. */
import { type ErrorCode, type ErrorData, toErrorData } from "../lib/errors.ts";
import type { AnyCommand } from "./command.ts";
import { commands } from "./commands.ts";
import { commonFlags, flagsOf, nearest, parseFlags, usage } from "./flags.ts";
import { helpOf, helpOfAll } from "./help.ts";
import type { Io } from "./io.ts";

export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Errors that the caller can mend by giving something else. */
const badInput: readonly ErrorCode[] = ["bad-param", "bad-file", "not-found", "unsupported", "shape"];

/** Runs one command and returns its exit code; everything it has to say is on the streams. Never throws. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const isJson = argv.includes("--json") || argv.includes("--json=true");
  try {
    return await dispatch(argv, io, isJson);
  } catch (error) {
    const data = toErrorData(error);
    if (isJson) io.stdout.write(`${jsonLine({ error: { ...data, hint: data.hint ?? null } })}\n`);
    else io.stderr.write(`${errorText(data)}\n`);
    if (data.code === "internal" && error instanceof Error && io.env["DEBUG"]) io.stderr.write(`${error.stack}\n`);
    return exitCodeOf(data);
  }
}

async function dispatch(argv: readonly string[], io: Io, isJson: boolean): Promise<number> {
  const [name, ...words] = argv;
  if (name === "--version") {
    io.stdout.write(`${import.meta.env.VITE_APP_VERSION}\n`);
    return exitCodes.success;
  }
  if (name === "--help") {
    io.stdout.write(`${helpOfAll(commands)}\n`);
    return exitCodes.success;
  }
  if (name === undefined) throw usage("no command is given");
  if (name.startsWith("--")) throw usage(`${name} is no command; the command comes first`);
  const command = find(name);
  const common = flagsOf(commonFlags);
  if (words.includes("--help")) {
    io.stdout.write(`${helpOf(command)}\n`);
    return exitCodes.success;
  }
  const values = parseFlags(words, [...flagsOf(command.flags), ...common], name);
  const own = Object.fromEntries(Object.entries(values).filter(([key]) => !common.some((flag) => flag.key === key)));
  const { json, text, wasInterrupted } = await command.execute(own, { io, isJson });
  if (isJson) io.stdout.write(`${jsonLine(json)}\n`);
  else if (text !== undefined) io.stdout.write(`${text}\n`);
  return wasInterrupted === true ? exitCodes.interrupted : exitCodes.success;
}

function find(name: string): AnyCommand {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const near = nearest(name, commands.map((candidate) => candidate.name));
  throw usage(`${name} is no command${near === undefined ? "" : `; did you mean ${near}?`}`);
}

function exitCodeOf({ code }: ErrorData): number {
  if (code === "cancelled") return exitCodes.interrupted;
  return badInput.includes(code) ? exitCodes.usage : exitCodes.failure;
}

function errorText({ message, hint }: ErrorData): string {
  return hint === undefined ? `error: ${message}` : `error: ${message}\n  ${hint}`;
}

/**
 * One line of JSON. Typed arrays become arrays; NaN and ±Infinity become null, since JSON has no words for them
 * (a reader that expects a number then fails where the number is missing, not later).
 */
export function jsonLine(value: object): string {
  return JSON.stringify(value, (_, part: unknown) =>
    ArrayBuffer.isView(part) && !(part instanceof DataView) ? Array.from(part as Float32Array) : part,
  );
}
