import { describe, expect, test } from "vitest";
import { readLlama2cTokenizer } from "./llama2c_tokenizer.ts";
import { byteToken } from "./token_text.ts";

/** A vocabulary file: three special tokens, 256 bytes, and the given tokens from id 259 on. */
function vocabulary(...tokens: readonly (readonly [text: string, score: number])[]): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, byte) => [byteToken(byte), 0] as const);
  const all = [["<unk>", 0] as const, ["\n<s>\n", 0] as const, ["\n</s>\n", 0] as const, ...bytes, ...tokens];
  const parts = all.map(([text, score]) => {
    const spelled = new TextEncoder().encode(text);
    const part = new Uint8Array(8 + spelled.length);
    const view = new DataView(part.buffer);
    view.setFloat32(0, score, true);
    view.setInt32(4, spelled.length, true);
    part.set(spelled, 8);
    return part;
  });
  return Uint8Array.from([16, 0, 0, 0, ...parts.flatMap((part) => [...part])]);
}

describe("a vocabulary of llama2.c", () => {
  const tokenizer = readLlama2cTokenizer(
    vocabulary([" ", -9], ["a", -9], ["b", -9], ["aa", -1], ["ab", 0], ["aab", -2], [" a", -3]),
  );

  test("joins the best pair first, and the first of equals", () => {
    // " a a a": the two "aa" score alike, the left one is taken; then nothing joins "aa" and "a"
    expect(tokenizer.encode("aaa")).toEqual([1, 259, 262, 260]);
    // "ab" beats "aa"; then "a" and "ab" beat " " and "a"
    expect(tokenizer.encode("aab")).toEqual([1, 259, 264]);
    expect(tokenizer.encode("a")).toEqual([1, 265]);
    expect(tokenizer.encode("aaab", { addSpecial: false })).toEqual([259, 262, 263]);
  });

  test("spells what it lacks in bytes", () => {
    expect(tokenizer.encode("é")).toEqual([1, 259, 3 + 0xc3, 3 + 0xa9]);
    expect(tokenizer.decode([3 + 0xc3, 3 + 0xa9])).toBe("é");
  });

  test("drops the space that encoding put first, at the start and after the begin token", () => {
    expect(tokenizer.decode([265, 265])).toBe("a a");
    expect(tokenizer.decode([1, 265, 265])).toBe("\n<s>\na a");
    expect(tokenizer.decode([1, 265, 265, 2, 265], { skipSpecial: true })).toBe("a a a");
  });
});
