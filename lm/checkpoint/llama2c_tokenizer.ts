/**
 * The vocabulary file of llama2.c (`tokenizer.bin`, `tok512.bin`): SentencePiece BPE with scores and raw bytes.
 * Layout, little-endian: i32 longest token in bytes; then per token f32 score, i32 length, bytes.
 * Source: karpathy/llama2.c, run.c `build_tokenizer`, `encode`, `decode`. Stricter: the file must end with a token.
 */
import { LabError } from "../../lib/errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type Spelling, byteOfToken, decodeTokens, pieceText, streamTokens } from "./token_text.ts";

const BOS = 1;
const EOS = 2;
/** Ids 3 … 258 are the bytes 0 … 255. */
const FIRST_BYTE = 3;
const MAX_TOKEN_BYTES = 1 << 16;

/** Reads the whole file. Throws `bad-file` with what is wrong. */
export function readLlama2cTokenizer(file: Uint8Array): Tokenizer {
  const { spelled, scores } = readEntries(file);
  const keys = spelled.map(latin1);
  const idOf = new Map<string, number>();
  keys.forEach((key, id) => {
    if (!idOf.has(key)) idOf.set(key, id);
  });
  const spelling: Spelling = {
    strip: { byte: 0x20, count: 0 },
    isSpecial: (id) => id < FIRST_BYTE,
    isStart: (id) => id === BOS,
    bytes(id, isFirst) {
      const bytes = spelled[id];
      if (!bytes) return undefined;
      const byte = byteOfToken(keys[id]!);
      if (byte !== undefined) return Uint8Array.of(byte);
      return isFirst && bytes[0] === 0x20 ? bytes.subarray(1) : bytes;
    },
  };
  return {
    vocabSize: spelled.length,
    bosId: BOS,
    eosIds: [EOS],
    encode(text, options = {}) {
      const ids = merge(split(text, idOf), keys, idOf, scores);
      return options.addSpecial === false ? ids : [BOS, ...ids];
    },
    decode: (ids, options) => decodeTokens(spelling, ids, options),
    piece: (id) => pieceText(spelling, id),
    isSpecial: (id) => spelling.isSpecial(id),
    stream: (options) => streamTokens(spelling, options),
  };
}

function readEntries(file: Uint8Array): { spelled: Uint8Array[]; scores: number[] } {
  const bad = (problem: string): LabError => new LabError("bad-file", `llama2.c tokenizer: ${problem}`);
  if (file.byteLength < 4) throw bad(`${file.byteLength} bytes are too few for its head`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const longest = view.getInt32(0, true);
  if (longest < 1 || longest > MAX_TOKEN_BYTES)
    throw bad(`its longest token is declared as ${longest} bytes`);
  const spelled: Uint8Array[] = [];
  const scores: number[] = [];
  for (let at = 4; at < file.byteLength;) {
    const id = spelled.length;
    if (at + 8 > file.byteLength) throw bad(`it ends inside the head of token ${id}`);
    const score = view.getFloat32(at, true);
    const length = view.getInt32(at + 4, true);
    at += 8;
    if (Number.isNaN(score)) throw bad(`the score of token ${id} is not a number`);
    if (length < 0 || length > longest)
      throw bad(`token ${id} is ${length} bytes long, the longest is ${longest}`);
    if (at + length > file.byteLength) throw bad(`it ends inside token ${id}`);
    spelled.push(file.slice(at, at + length));
    scores.push(score);
    at += length;
  }
  if (spelled.length < FIRST_BYTE + 256) {
    throw bad(`${spelled.length} tokens; it needs three special ones and 256 bytes at least`);
  }
  return { spelled, scores };
}

/** Bytes as a string of as many characters: a key that compares as the bytes do. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** The text as single tokens: the space put before it, then each code point, or its bytes. */
function split(text: string, idOf: ReadonlyMap<string, number>): number[] {
  if (text === "") return [];
  const encoder = new TextEncoder();
  const ids: number[] = [];
  for (const character of ` ${text}`) {
    const bytes = encoder.encode(character);
    const id = idOf.get(latin1(bytes));
    if (id === undefined) for (const byte of bytes) ids.push(byte + FIRST_BYTE);
    else ids.push(id);
  }
  return ids;
}

/**
 * Joins the neighbours whose joint token scores highest, the first of equals, until no neighbours make a token.
 * `joint[i]` remembers the token that i and i+1 make (−1: none), so that a round looks up two pairs only.
 */
function merge(
  ids: number[],
  keys: readonly string[],
  idOf: ReadonlyMap<string, number>,
  scores: readonly number[],
): number[] {
  const join = (i: number): number =>
    i < 0 || i + 1 >= ids.length ? -1 : (idOf.get(keys[ids[i]!]! + keys[ids[i + 1]!]!) ?? -1);
  const joint = ids.map((_, i) => join(i));
  for (;;) {
    let best = -1;
    let bestScore = -1e10; // the floor of the reference
    for (let i = 0; i < joint.length; i++) {
      const token = joint[i]!;
      if (token >= 0 && scores[token]! > bestScore) {
        best = i;
        bestScore = scores[token]!;
      }
    }
    if (best < 0) return ids;
    ids.splice(best, 2, joint[best]!);
    joint.splice(best, 1);
    joint[best] = join(best);
    if (best > 0) joint[best - 1] = join(best - 1);
  }
}
