/**
 * Material made by others, with known answers, in `../shared/real` beside the repository. Tests on it say that
 * they are skipped where it is absent, and fail where it is promised (CI).
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const folder = new URL("../../../../shared/real/", import.meta.url);

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

/** Tests that need the real material under `name`. */
export function describeReal(name: string, title: string, body: () => void): void {
  if (existsSync(realPath(name))) {
    describe(title, body);
    return;
  }
  test(title, (context) => {
    expect(process.env["CI"], `../shared/real/${name} must be there in CI`).toBeFalsy();
    context.skip(`../shared/real/${name} is not here`);
  });
}
