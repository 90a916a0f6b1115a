import type { z } from "zod";
import type { Io } from "./io.ts";

/** What a command hands back: the object that `--json` prints, and the same for a reader. */
export interface Outcome {
  readonly json: object;
  /** Without a newline at the end; absent where the command has already printed what there is to say. */
  readonly text?: string;
  /** True when Ctrl-C cut it short: what is here is what there was, and the exit code is 130. */
  readonly wasInterrupted?: boolean;
}

export interface Context {
  readonly io: Io;
  /** Whether `--json` was given: then nothing but the last line may go to standard output. */
  readonly isJson: boolean;
}

/**
 * One command. Its flags are the fields of `flags`: the name in kebab-case, the type, the default, the limits
 * and (from `.meta()`) the description of each are those of the schema, and nowhere else.
 */
export interface Command<Flags extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** One line of `--help`. */
  readonly summary: string;
  readonly flags: Flags;
  /** What else `--help` of this command says: files it reads, what its JSON means. */
  readonly about: string;
  readonly examples: readonly string[];
  run(flags: z.infer<Flags>, context: Context): Promise<Outcome>;
}

/** A command with the type of its flags hidden, so that commands stand in one table. */
export interface AnyCommand extends Omit<Command, "run"> {
  /** Checks the values (by camelCase name) against the schema, then runs. Throws `bad-param`. */
  execute(values: Readonly<Record<string, unknown>>, context: Context): Promise<Outcome>;
}
