import type { AnyCommand } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { capture } from "./commands/capture.ts";
import { generate } from "./commands/generate.ts";
import { inspect } from "./commands/inspect.ts";
import { logits } from "./commands/logits.ts";
import { loss } from "./commands/loss.ts";
import { models } from "./commands/models.ts";
import { tokenize } from "./commands/tokenize.ts";
import { train } from "./commands/train.ts";

/** Every command, in the order of `--help`. */
export const commands: readonly AnyCommand[] = Object.freeze([
  models,
  inspect,
  tokenize,
  generate,
  logits,
  capture,
  loss,
  train,
  bench,
]);
