import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished } from "vitest";
import { Session } from "../../lab/session.ts";
import { nodeProvider } from "../../gpu/testing/node_gpu.ts";
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
  /** Opens a device of its own, as a process does; otherwise all share one, which saves compiling everything anew. */
  readonly hasOwnDevice?: boolean;
  /** Called with everything written to either stream, as it is written. */
  readonly onWrite?: (text: string) => void;
}

let session: Promise<Session> | undefined;

/** One session for all commands of a test file, for which closing it is unloading its model. */
function sharedSession(): Promise<Session> {
  session ??= Session.open(nodeProvider()).then((opened) => Object.assign(opened, { close: () => opened.unload() }));
  return session;
}

afterAll(async () => (await session)?.gpu.destroy());

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
    openSession: options.hasOwnDevice === true ? undefined : sharedSession,
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
