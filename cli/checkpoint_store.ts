/**
 * Checkpoints on a disk. The files of one belong together, so they change together: all are written under other
 * names first, then a list of them, and only then are they put in place; whoever comes next finishes what a crash cut
 * short, or finds the checkpoint before.
 */
import { open, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../lib/errors.ts";
import { checkFileName } from "../lm/checkpoint/source.ts";
import type { CheckpointFiles } from "../lm/save.ts";

const list = "checkpoint.ready";
const part = (name: string): string => `${name}.part`;

/** Puts the files into `folder`, which is made where it is missing. Throws `bad-param` where it cannot be written. */
export async function writeCheckpoint(folder: string, files: CheckpointFiles): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, pieces] of files) await writePieces(join(folder, part(name)), pieces);
    const names = new TextEncoder().encode(JSON.stringify([...files.keys()]));
    await writePieces(join(folder, part(list)), [names]);
    await rename(join(folder, part(list)), join(folder, list));
    await finishCheckpoint(folder);
  } catch (error) {
    if (error instanceof LabError) throw error;
    throw new LabError("bad-param", `${folder} cannot be written (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** Completes a checkpoint whose writer was killed after all its files were there. */
export async function finishCheckpoint(folder: string): Promise<void> {
  const text = await readFile(join(folder, list), "utf8").catch(() => undefined);
  if (text === undefined) return;
  for (const name of JSON.parse(text) as string[]) {
    checkFileName(name);
    if (await exists(join(folder, part(name)))) await rename(join(folder, part(name)), join(folder, name));
  }
  await rm(join(folder, list));
}

export const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, "w");
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at, piece.byteLength - at)).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
