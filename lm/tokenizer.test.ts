import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenizerText } from "./checkpoint/testing/files.ts";
import { isRealHere, realBytes, realText } from "./checkpoint/testing/real.ts";
import { readLlama2cTokenizer } from "./checkpoint/llama2c_tokenizer.ts";
import { type Tokenizer, loadTokenizer } from "./tokenizer.ts";

/** Everything a stream gives, put together. */
function streamed(tokenizer: Tokenizer, ids: readonly number[], skipSpecial = false): string {
  const stream = tokenizer.stream({ skipSpecial });
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

/** A small vocabulary with a given decoder, and what the library itself decodes. */
function withDecoder(decoder: unknown, words: readonly string[]) {
  const text = tokenizerText(
    { decoder, added_tokens: [{ id: words.length, content: "<end>", special: true }], pre_tokenizer: null },
    { vocab: Object.fromEntries(words.map((word, id) => [word, id])), merges: [] },
  );
  const hub = new HubTokenizer(JSON.parse(text) as object, {});
  return {
    tokenizer: loadTokenizer(text),
    byLibrary: (ids: number[]): string =>
      ids.length === 0 ? "" : hub.decode(ids, { clean_up_tokenization_spaces: false }),
  };
}

describe("a small vocabulary", () => {
  const tokenizer = loadTokenizer(tokenizerText(), '{"bos_token":"<end>","eos_token":{"content":"<end>"}}');

  test("encodes by its merges, keeps added tokens whole", () => {
    expect(tokenizer.encode("ab ab<end>ba")).toEqual([3, 5, 0, 2, 1]);
    expect(tokenizer.encode("")).toEqual([]);
    expect([tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosIds]).toEqual([6, 0, [0]]);
    expect([0, 1].map((id) => tokenizer.isSpecial(id))).toEqual([true, false]);
  });

  test("decodes, with and without special tokens, and passes over padding rows", () => {
    expect(tokenizer.decode([3, 5, 0])).toBe("ab ab<end>");
    expect(tokenizer.decode([3, 5, 0], { skipSpecial: true })).toBe("ab ab");
    expect(tokenizer.decode([3, 99, 5])).toBe("ab ab");
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.piece(5)).toBe(" ab");
    expect(tokenizer.piece(99)).toBe("");
    for (const id of [-1, 0.5, Number.NaN]) {
      expect(() => tokenizer.decode([id])).toThrow(`${id} is not a token id`);
    }
  });

  test("has no begin and end where no file names them", () => {
    const bare = loadTokenizer(tokenizerText());
    expect([bare.bosId, bare.eosIds]).toEqual([undefined, []]);
  });

  test("tokens that mean something to an object are tokens", () => {
    const vocab = '{"_":0,"p":1,"__":2,"__p":3,"__proto__":4,"constructor":5}';
    const odd = loadTokenizer(
      `{"added_tokens":[{"id":6,"content":"toString"}],"pre_tokenizer":null,"decoder":{"type":"Fuse"},` +
        `"model":{"type":"BPE","vocab":${vocab},"merges":["_ _","__ p"]}}`,
    );
    expect(odd.vocabSize).toBe(7);
    expect(odd.encode("__p toString")).toEqual([3, 6]);
    expect(odd.decode([4, 5, 6])).toBe("__proto__constructortoString");
    expect(odd.piece(4)).toBe("__proto__");
    expect(({} as Record<string, unknown>)["_"]).toBeUndefined();
  });

  test("merges with spaces in them, in the newer form; a version line in the older", () => {
    const pairs = {
      vocab: { " ": 0, a: 1, " a": 2, "a a": 3 },
      merges: [
        [" ", "a"],
        ["a", " a"],
      ],
    };
    const newer = loadTokenizer(tokenizerText({ added_tokens: [], pre_tokenizer: null }, pairs));
    expect(newer.encode("a a")).toEqual([3]);
    const older = loadTokenizer(tokenizerText({}, { merges: ["#version: 0.2", "a b", "Ġ ab"] }));
    expect(older.encode(" ab")).toEqual([5]);
    const mixed = loadTokenizer(tokenizerText({}, { merges: ["a b", ["Ġ", "ab"]] }));
    expect(mixed.encode(" ab")).toEqual([5]);
  });

  test("a model without a type is told by its merges", () => {
    expect(loadTokenizer(tokenizerText({}, { type: undefined })).encode("ba ab")).toEqual([2, 1, 5]);
  });

  test("an added token is literal, and special only where it says so", () => {
    const added_tokens = [
      { id: 6, content: "é" },
      { id: 7, content: "<x>", special: true },
    ];
    const tokenizer = loadTokenizer(tokenizerText({ added_tokens }));
    expect(tokenizer.encode("abé<x>")).toEqual([3, 6, 7]);
    expect(tokenizer.decode([3, 6, 7])).toBe("abé<x>");
    expect(tokenizer.decode([3, 6, 7], { skipSpecial: true })).toBe("abé");
  });

  test("adds the tokens of its template unless told not to", () => {
    const single = [{ SpecialToken: { id: "<end>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
    const framed = loadTokenizer(
      tokenizerText({ post_processor: { type: "TemplateProcessing", single, pair: [], special_tokens: {} } }),
    );
    expect(framed.encode("ab")).toEqual([0, 3]);
    expect(framed.encode("ab", { addSpecial: false })).toEqual([3]);
  });

  test("special tokens named only by tokenizer_config.json", () => {
    const config = '{"additional_special_tokens":["ab",{"content":"a"},"absent"]}';
    const named = loadTokenizer(tokenizerText(), config);
    expect([1, 2, 3].map((id) => named.isSpecial(id))).toEqual([true, false, true]);
    expect(named.decode([3, 2, 1], { skipSpecial: true })).toBe("b");
  });
});

describe("decoders agree with the library", { timeout: 60_000 }, () => {
  const replace = { type: "Replace", pattern: { String: "▁" }, content: " " };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  const steps = (...decoders: unknown[]) => ({ type: "Sequence", decoders });
  const pieces = ["▁", "▁a", "b▁", "▁▁", "é", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>", "<0x41>", "\n"];
  const bytes = ["Ġa", "Ċ", "Ã", "©", "ð", "Ł", "Ļ", "Ĥ", "!"];
  const words = ["the", "##s", "a", ".", "n't", "##", "'"];

  test.each<[string, unknown, readonly string[]]>([
    ["bytes written as letters", { type: "ByteLevel" }, bytes],
    ["the same in a sequence", steps({ type: "ByteLevel" }), bytes],
    ["Llama's", steps(replace, { type: "ByteFallback" }, { type: "Fuse" }, strip), pieces],
    ["Gemma's", steps(replace, { type: "ByteFallback" }, { type: "Fuse" }), pieces],
    ["two spaces stripped", steps(replace, { type: "Fuse" }, { ...strip, start: 2 }), pieces],
    ["a replacement after the fuse", steps({ type: "Fuse" }, replace), pieces],
    ["Metaspace", { type: "Metaspace" }, pieces],
    ["WordPiece", { type: "WordPiece", prefix: "##", cleanup: true }, words],
    ["WordPiece as it is", { type: "WordPiece", prefix: "##", cleanup: false }, words],
    ["none", null, words],
  ])("%s", (_name, decoder, vocabulary) => {
    const { tokenizer, byLibrary } = withDecoder(decoder, vocabulary);
    const anyIds = fc.array(fc.nat(vocabulary.length), { maxLength: 12 });
    fc.assert(
      fc.property(anyIds, (ids) => {
        expect(tokenizer.decode(ids)).toBe(byLibrary(ids));
        expect(streamed(tokenizer, ids)).toBe(byLibrary(ids));
      }),
      { numRuns: 300 },
    );
  });

  test("but keep the first space where Metaspace never put one, as the reference does", () => {
    const { tokenizer } = withDecoder({ type: "Metaspace", prepend_scheme: "never" }, pieces);
    expect(tokenizer.decode([1, 1])).toBe(" a a");
  });

  test("and take a token outside the byte alphabet literally, as the reference does", () => {
    const { tokenizer } = withDecoder({ type: "ByteLevel" }, ["Ġ日", "Ġa"]);
    expect(tokenizer.decode([0, 1])).toBe("Ġ日 a");
  });

  test("a stream waits for whole characters, and says so when one never comes", () => {
    const { tokenizer } = withDecoder(steps(replace, { type: "ByteFallback" }, { type: "Fuse" }), pieces);
    const stream = tokenizer.stream();
    expect([5, 6, 7, 8, 5, 6].map((id) => stream.push(id))).toEqual(["", "", "", "🙂", "", ""]);
    expect(stream.flush()).toBe("\ufffd");
    expect([0, 1, 5, 9, 10].map((id) => tokenizer.piece(id))).toEqual([" ", " a", "<0xF0>", "A", "\n"]);
  });
});

/**
 * GPT-2's encoding as its paper's code has it, one merge of the best pair at a time: slow, and independent of
 * the library. Source: openai/gpt-2, encoder.py.
 */
function naiveGpt2(): (text: string) => number[] {
  const vocab = new Map(
    Object.entries(JSON.parse(realText("tokenizer-gpt2/vocab.json")) as Record<string, number>),
  );
  const lines = realText("tokenizer-gpt2/vocab.bpe")
    .split("\n")
    .slice(1)
    .filter((line) => line !== "");
  const rank = new Map(lines.map((line, i) => [line, i]));
  const letters = Array.from({ length: 256 }, (_, byte) => byte);
  const isOwn = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  const others = letters.filter((byte) => !isOwn(byte));
  const letterOf = letters.map((byte) =>
    String.fromCharCode(isOwn(byte) ? byte : 256 + others.indexOf(byte)),
  );
  const words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  return (text) =>
    (text.match(words) ?? []).flatMap((word) => {
      let parts = Array.from(new TextEncoder().encode(word), (byte) => letterOf[byte]!);
      for (;;) {
        const ranks = parts.slice(1).map((part, i) => rank.get(`${parts[i]} ${part}`) ?? Infinity);
        const best = Math.min(...ranks);
        if (best === Infinity) return parts.map((part) => vocab.get(part)!);
        const merged: string[] = [];
        for (let i = 0; i < parts.length; i++) {
          if (ranks[i] === best) merged.push(parts[i]! + parts[++i]!);
          else merged.push(parts[i]!);
        }
        parts = merged;
      }
    });
}

describe.skipIf(!isRealHere)("GPT-2's tokenizer.json, which has no model.type", { timeout: 60_000 }, () => {
  let loaded: Tokenizer | undefined;
  const load = (): Tokenizer => (loaded ??= loadTokenizer(realText("tokenizer-gpt2/tokenizer.json")));

  test("knows the usual words", () => {
    const tokenizer = load();
    expect(tokenizer.vocabSize).toBe(50_257);
    expect(tokenizer.encode("Hello world")).toEqual([15496, 995]);
    expect(tokenizer.encode("Hello, world!")).toEqual([15496, 11, 995, 0]);
    expect(tokenizer.encode("<|endoftext|>")).toEqual([50_256]);
    expect(tokenizer.piece(995)).toBe(" world");
    expect(tokenizer.piece(198)).toBe("\n");
    expect(tokenizer.isSpecial(50_256)).toBe(true);
  });

  test("encodes stories, and what is no story, as the reference algorithm does; and back", () => {
    const tokenizer = load();
    const naive = naiveGpt2();
    const stories = JSON.parse(realText("text-tinystories/tinystories_100.json")) as string[];
    const odd = [
      "  \n\n\t x",
      "naïve 日本語 🙂🙂",
      "don't we'll I'VE",
      "1234567 3.14",
      "\u0000\u007f\u00ad\u00a0|",
    ];
    for (const text of [...stories.slice(0, 20), ...odd]) {
      const ids = tokenizer.encode(text);
      expect(ids).toEqual(naive(text));
      expect(tokenizer.decode(ids)).toBe(text);
      expect(streamed(tokenizer, ids)).toBe(text);
    }
  });

  test("any text comes back, in whole characters", () => {
    const tokenizer = load();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const stream = tokenizer.stream();
        const pieces = tokenizer.encode(text).map((id) => stream.push(id));
        expect(pieces.join("") + stream.flush()).toBe(text);
        expect(pieces.filter((piece) => /\p{Surrogate}|\ufffd/u.test(piece))).toEqual([]);
      }),
    );
  });
});

/**
 * The SentencePiece vocabulary of a llama2.c file as the tokenizer.json that Hugging Face would make of it:
 * every pair of tokens that makes a token is a merge, the better the score of what it makes the earlier.
 */
function asTokenizerJson(file: Uint8Array): string {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const pieces: { piece: string; score: number }[] = [];
  for (let at = 4; at < file.length;) {
    const length = view.getInt32(at + 4, true);
    const piece = new TextDecoder().decode(file.subarray(at + 8, at + 8 + length));
    pieces.push({ piece, score: view.getFloat32(at, true) });
    at += 8 + length;
  }
  const names = pieces.map(({ piece }, id) =>
    id === 1 || id === 2 ? piece.trim() : piece.replaceAll(" ", "▁"),
  );
  const ids = new Map(names.map((name, id) => [name, id]));
  const merges: { pair: [string, string]; score: number; left: number; right: number }[] = [];
  for (const [id, name] of names.entries()) {
    if (id < 259) continue;
    const letters = Array.from(name);
    for (let i = 1; i < letters.length; i++) {
      const pair: [string, string] = [letters.slice(0, i).join(""), letters.slice(i).join("")];
      const [left, right] = [ids.get(pair[0]), ids.get(pair[1])];
      if (left !== undefined && right !== undefined)
        merges.push({ pair, score: pieces[id]!.score, left, right });
    }
  }
  merges.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  const template = [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  return JSON.stringify({
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({
      id,
      content,
      special: true,
      normalized: false,
    })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: { type: "TemplateProcessing", single: template, pair: template },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges: merges.map(({ pair }) => pair),
    },
  });
}

describe.skipIf(!isRealHere)("Llama 2's vocabulary as a tokenizer.json", { timeout: 60_000 }, () => {
  test("encodes the reference texts, decodes them, and agrees with the llama2.c reader", () => {
    const file = realBytes("tokenizer-llama2-spm/tokenizer.bin");
    const config = '{"bos_token":"<s>","eos_token":{"content":"</s>"}}';
    const tokenizer = loadTokenizer(asTokenizerJson(file), config);
    const reader = readLlama2cTokenizer(file);
    expect([tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosIds]).toEqual([32_000, 1, [2]]);
    const { cases } = JSON.parse(realText("tokenizer-llama2-spm/expected_encodings.json")) as {
      cases: { text: string; ids: number[] }[];
    };
    for (const { text, ids } of cases) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(text);
      expect(streamed(tokenizer, ids, true)).toBe(text);
    }
    const stories = JSON.parse(realText("text-tinystories/tinystories_100.json")) as string[];
    for (const text of [...stories.slice(0, 10), "  two  spaces ", "日本語 🙂\n\tnaïve"]) {
      const ids = tokenizer.encode(text);
      expect(reader.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(text);
      for (const id of ids.slice(1)) expect(tokenizer.piece(id)).toBe(reader.piece(id));
    }
  });
});
