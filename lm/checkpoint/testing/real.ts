/**
 * Material made by others, with known answers, in `../shared/real` beside the repository. Tests on it are skipped
 * where it is absent; one test in `real.test.ts` fails then where it is promised (CI).
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../../../../shared/real/", import.meta.url);

/** Whether the material is on this machine. */
export const isRealHere = existsSync(folder);

/** Path of a file or folder of the real material. */
export function realPath(name: string): string {
  return fileURLToPath(new URL(name, folder));
}

/** Bytes of a file of the real material. */
export function realBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(realPath(name)));
}

/** Text of a file of the real material. */
export function realText(name: string): string {
  return readFileSync(realPath(name), "utf8");
}
