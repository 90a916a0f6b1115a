import type { AnyCommand } from "./command.ts";
import { commonFlags, type Flag, flagsOf } from "./flags.ts";
import { table } from "./io.ts";

const heading = "Benchtop: a research lab for small language models, on the command line.";

const conventions = `A model is bundled:NAME, a folder in Hugging Face layout, or a .safetensors file beside its config.json.
Tokens are comma-separated ids; text goes through the model's tokenizer.

With --json the last line of standard output is one JSON object and nothing else is on standard output;
progress and warnings go to standard error. Numbers that are NaN or infinite are null. Errors are
{"error": {"code", "message", "hint"}}, hint being null where there is nothing to suggest.

Exit codes: 0 success, 1 a failed run, 2 bad usage or bad input, 130 interrupted (Ctrl-C: generation prints what
it has, training writes its checkpoint; a second Ctrl-C stops at once).`;

/** `lab --help`. */
export function helpOfAll(commands: readonly AnyCommand[]): string {
  return [
    heading,
    "",
    "  npm run -s lab -- <command> [flags]",
    "",
    indent(table(commands.map(({ name, summary }) => [name, summary]))),
    "",
    "Flags of every command:",
    flagTable(flagsOf(commonFlags)),
    "",
    conventions,
    "",
    "Try: npm run -s lab -- generate --help",
  ].join("\n");
}

/** `lab COMMAND --help`. */
export function helpOf({ name, summary, flags, about, examples }: AnyCommand): string {
  const own = flagsOf(flags);
  const required = own.filter((flag) => flag.isRequired).map((flag) => ` ${flag.name} ${placeholder(flag)}`);
  return [
    `lab ${name}: ${summary}`,
    "",
    `  npm run -s lab -- ${name}${required.join("")}${own.length > required.length ? " [flags]" : ""}`,
    "",
    flagTable([...own, ...flagsOf(commonFlags)]),
    "",
    about,
    "",
    "Examples:",
    indent(examples.map((example) => `npm run -s lab -- ${example}`).join("\n")),
  ].join("\n");
}

/** Columns of a terminal that help is set for. */
const width = 112;

/** A flag a line, its description set beside it as a column. */
function flagTable(flags: readonly Flag[]): string {
  const rows = flags.map(row);
  const left = 4 + Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, description]) => {
      const lines = wrap(description, width - left);
      return lines.map((line, i) => (i === 0 ? `  ${name}` : "").padEnd(left) + line).join("\n");
    })
    .join("\n");
}

/** Words into lines of at most so many characters. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

function row(flag: Flag): [string, string] {
  const notes = [
    flag.isRequired ? "required" : "",
    flag.repeated === true ? "may be repeated" : "",
    hasDefault(flag) ? `default ${String(flag.default)}` : "",
  ].filter((note) => note !== "");
  const suffix = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return [`${flag.name} ${placeholder(flag)}`.trimEnd(), `${flag.description ?? ""}${suffix}`];
}

function hasDefault({ default: value, type }: Flag): boolean {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return false;
  return !(type === "boolean" && value === false);
}

function placeholder(flag: Flag): string {
  if (flag.placeholder !== undefined) return flag.placeholder;
  if (flag.type === "boolean") return flag.default === true ? "false" : "";
  if (flag.enum !== undefined) return flag.enum.join("|");
  if (flag.type === "array") return flag.items?.type === "string" ? "A,B" : "I,I";
  return flag.type === "string" ? "TEXT" : flag.type === "integer" ? "N" : "X";
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, "  ");
