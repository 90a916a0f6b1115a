import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { Random } from "../../lib/random.ts";
import { exampleAt } from "./examples.ts";
import { pieces } from "./pretokenize.ts";
import { tasks } from "./registry.ts";
import {
  bosId,
  decode,
  encode,
  eosId,
  specialTokens,
  tokenizerConfig,
  tokenizerJson,
  tokens,
  unkId,
} from "./tokenizer.ts";
import { splits } from "./types.ts";

const huggingFace = new Tokenizer(structuredClone(tokenizerJson()), tokenizerConfig(512));
const theirs = (text: string): number[] => huggingFace.encode(text, { add_special_tokens: false }).ids;

/** Lines a visitor might type: words of no world, any case, digits, punctuation, odd spaces. */
function typed(random: Random): string {
  const alphabet =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?'\"()[]{}<>+-*/=_@#$%^&|~`\\\n  ";
  return Array.from({ length: 1 + random.int(60) }, () => alphabet[random.int(alphabet.length)]!).join("");
}

describe("tokenizer", () => {
  test("agrees with @huggingface/tokenizers on every task's text", () => {
    for (const task of tasks) {
      for (const split of splits) {
        for (let i = 0; i < 100; i++) {
          const e = exampleAt(task, split, 7, i);
          const text = e.prompt + e.completion;
          expect(encode(text)).toEqual(theirs(text));
        }
      }
    }
  });

  test("agrees with @huggingface/tokenizers on two thousand typed lines and gives them back", () => {
    const random = new Random(3, "typed");
    for (let i = 0; i < 2000; i++) {
      const text = typed(random);
      const ids = encode(text);
      expect(ids, JSON.stringify(text)).toEqual(theirs(text));
      expect(ids).not.toContain(unkId);
      expect(decode(ids)).toBe(text);
      expect(huggingFace.decode(ids)).toBe(text);
    }
  });

  test("known ids: one per word with its space, one per digit, one per mark", () => {
    const words = (text: string): string[] => encode(text).map((id) => tokens[id]!);
    expect(words("Mia has 12 red kites.")).toEqual([
      "Mia",
      " has",
      " ",
      "1",
      "2",
      " red",
      " ",
      "k",
      "i",
      "t",
      "e",
      "s",
      ".",
    ]);
    expect(words("Answer: 47+38\n")).toEqual(["Answer", ":", " ", "4", "7", "+", "3", "8", "\n"]);
    expect(encode("<bos>The<eos>")).toEqual([bosId, tokens.indexOf("The"), eosId]);
    expect(encode("é")).toEqual([unkId]);
    expect(theirs("a é b")).toEqual(encode("a é b"));
  });

  test("adds <bos> when asked for special tokens", () => {
    expect(huggingFace.encode("The").ids).toEqual([bosId, ...encode("The")]);
  });

  test("the vocabulary is closed, distinct and at most a thousand tokens", () => {
    expect(tokens.length).toBeLessThanOrEqual(1000);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(tokens.slice(0, specialTokens.length)).toEqual([...specialTokens]);
  });

  test("every word of the world is one token, but for words in big letters and spelled ones", () => {
    const seen = new Set<string>();
    for (const task of tasks) {
      for (const split of splits) {
        for (let i = 0; i < 150; i++) {
          const e = exampleAt(task, split, 11, i);
          for (const piece of pieces(e.prompt + e.completion)) seen.add(piece);
        }
      }
    }
    const spelled = [...seen].filter((p) => encode(p).length !== 1 && !/^ [b-zA-Z]$|^ ?[A-Z]{2,}$/.test(p));
    expect(spelled).toEqual([]);
  });
});
