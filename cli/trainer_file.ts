/** `trainer.json` beside a checkpoint: with what a run was started, and where it stands. */
import { join } from "node:path";
import { z } from "zod";
import { progressSchema } from "../lab/train_run.ts";
import { LabError } from "../lib/errors.ts";
import { nodeFile } from "../lm/checkpoint/node_folder.ts";
import { readText } from "../lm/checkpoint/source.ts";
import { parseStrictJson } from "../lm/checkpoint/strict_json.ts";
import { exists, finishCheckpoint } from "./checkpoint_store.ts";

export const trainerFileName = "trainer.json";
const maxBytes = 1 << 28;

const setting = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const schema = z.strictObject({
  schema: z.literal(1),
  /** By the name of its flag; what decides the numbers, not how often they are looked at. */
  settings: z.record(z.string(), setting),
  adapter: z.string(),
  progress: progressSchema,
});
export type TrainerFile = z.infer<typeof schema>;
export type Settings = TrainerFile["settings"];

/** Reads the file of an earlier run in `folder`. Throws `not-found`, `bad-file`. */
export async function readTrainerFile(folder: string): Promise<TrainerFile> {
  await finishCheckpoint(folder);
  const path = join(folder, trainerFileName);
  if (!(await exists(path))) {
    throw new LabError("not-found", `${folder} holds no run to resume: there is no ${trainerFileName}`, "Start one without --resume.");
  }
  const parsed = schema.safeParse(parseStrictJson(await readText(await nodeFile(path), maxBytes), path));
  if (!parsed.success) throw new LabError("bad-file", `${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export function trainerFileBytes(file: TrainerFile): Uint8Array<ArrayBuffer>[] {
  return [new TextEncoder().encode(`${JSON.stringify(schema.parse(file), null, 1)}\n`)];
}

/** Throws `bad-param` for the first setting that is not what the run was started with. */
export function checkSettings(before: Settings, now: Settings): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (before[name] === now[name]) continue;
    const show = (value: Settings[string] | undefined): string => (value == null ? "left out" : JSON.stringify(value));
    throw new LabError(
      "bad-param",
      `${name}: now ${show(now[name])}, at the start of the run ${show(before[name])}`,
      "Resume with the flags of the start; only --steps, --eval-every and --checkpoint-every may change.",
    );
  }
}
