import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { main } from "../run.ts";

/** What a command left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The object on the last line of standard output. Throws where anything else is there. */
  json(): unknown;
}

export interface RanOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Called with everything written to either stream, as it is written. */
  readonly onWrite?: (text: string) => void;
}

/** Runs a command in this process. */
export async function lab(argv: readonly string[], options: RanOptions = {}): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  const code = await main(argv, {
    stdout: {
      write(text) {
        stdout += text;
        options.onWrite?.(text);
      },
    },
    stderr: {
      write(text) {
        stderr += text;
        options.onWrite?.(text);
      },
    },
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
  });
  return {
    code,
    stdout,
    stderr,
    json() {
      const lines = stdout.split("\n");
      if (lines.length !== 2 || lines[1] !== "") throw new Error(`standard output is not one line of JSON: ${stdout}`);
      return JSON.parse(lines[0]!) as unknown;
    },
  };
}

/** The error of a command run with `--json`. */
export const errorOf = (ran: Ran): { code: string; message: string; hint: string | null } =>
  (ran.json() as { error: { code: string; message: string; hint: string | null } }).error;

/** A folder that is gone after the test. */
export function tempFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "benchtop-cli-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
