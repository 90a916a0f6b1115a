/**
 * Files that are broken or mean harm: each kind must give an error of its own, which says what is wrong with the
 * file, and never a crash.
 */
import { describe, expect, test } from "vitest";
import { type ErrorCode, LabError } from "../../../lib/errors.ts";

/** What the file is; how it is read; the code of its error; words that only its message has. */
export type Kind = readonly [name: string, read: () => unknown, code: ErrorCode, phrase: string];

async function errorOf(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    return error;
  }
}

/** The tests of a table of kinds. */
export function describeHostile(group: string, kinds: readonly Kind[]): void {
  describe(`hostile ${group}`, { timeout: 60_000 }, () => {
    test.each(kinds)("%s", async (_name, read, code, phrase) => {
      const error = await errorOf(read);
      expect(error).toBeInstanceOf(LabError);
      expect((error as LabError).message).toContain(phrase);
      expect((error as LabError).code).toBe(code);
    });

    test("each kind has a message of its own", async () => {
      const messages = await Promise.all(kinds.map(async ([, read]) => String(await errorOf(read))));
      expect(new Set(messages).size).toBe(kinds.length);
      for (const [name, , , phrase] of kinds) {
        const nWithPhrase = messages.filter((message) => message.includes(phrase)).length;
        expect({ name, nWithPhrase }).toEqual({ name, nWithPhrase: 1 });
      }
    });

    test("nothing of this touched the prototype of objects", () => {
      expect(Object.keys(Object.prototype)).toEqual([]);
      expect(({} as Record<string, unknown>)["hidden_size"]).toBeUndefined();
    });
  });
}
