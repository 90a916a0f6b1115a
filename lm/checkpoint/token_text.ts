/**
 * From token ids back to text. A token is spelled as bytes, since one character may be spread over several
 * tokens; the bytes of a text are joined and read as UTF-8. Whole texts and streams go the same way, so what a
 * stream gives, put together, is exactly what decoding at once gives.
 */
import { LabError } from "../../lib/errors.ts";
import { type Json, isJsonObject, showJson } from "./strict_json.ts";

export interface DecodeOptions {
  /** Leave out special tokens such as `<s>`; they are kept unless told. */
  readonly skipSpecial?: boolean;
}

/** Text as its tokens come in; never half a character. */
export interface TokenStream {
  /** The text that this token completes; may be empty. */
  push(id: number): string;
  /** What is left: U+FFFD where the last character stayed incomplete. Ends the stream. */
  flush(): string;
}

/** How the ids of one vocabulary are spelled. */
export interface Spelling {
  /** UTF-8 bytes of a token, at the start of a text or further on; undefined where the id has no token. */
  bytes(id: number, isFirst: boolean): Uint8Array | undefined;
  isSpecial(id: number): boolean;
  /** Whether the token after this one stands at the start of a text. */
  isStart?(id: number): boolean;
  /** Leading bytes dropped from the whole text: at most `count` times `byte`. */
  readonly strip: { readonly byte: number; readonly count: number };
}

/** A new stream. Ids without a token are passed over. `push` throws `bad-param` for what is no id at all. */
export function streamTokens(spelling: Spelling, options: DecodeOptions = {}): TokenStream {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let isFirst = true;
  let nToStrip = spelling.strip.count;
  return {
    push(id) {
      if (!Number.isSafeInteger(id) || id < 0) throw new LabError("bad-param", `${id} is not a token id`);
      if (options.skipSpecial === true && spelling.isSpecial(id)) return "";
      let bytes = spelling.bytes(id, isFirst);
      if (!bytes) return "";
      isFirst = spelling.isStart?.(id) ?? false;
      let at = 0;
      while (at < bytes.byteLength && nToStrip > 0) {
        if (bytes[at] === spelling.strip.byte) {
          nToStrip--;
          at++;
        } else nToStrip = 0;
      }
      if (at > 0) bytes = bytes.subarray(at);
      return decoder.decode(bytes, { stream: true });
    },
    flush: () => decoder.decode(),
  };
}

/** The text of a sequence of ids. */
export function decodeTokens(spelling: Spelling, ids: Iterable<number>, options: DecodeOptions = {}): string {
  const stream = streamTokens(spelling, options);
  let text = "";
  for (const id of ids) text += stream.push(id);
  return text + stream.flush();
}

/**
 * One token as it appears inside a text: its leading space kept, a newline as itself. Bytes that are no whole
 * characters show as `<0xE2>`. Empty where the id has no token.
 */
export function pieceText(spelling: Spelling, id: number): string {
  const bytes = spelling.bytes(id, false) ?? new Uint8Array(0);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : byteToken(byte))).join("");
  }
}

/** The name SentencePiece vocabularies give to a raw byte: `<0x0A>`. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The byte that a token of the form `<0x0A>` stands for, or undefined. */
export function byteOfToken(token: string): number | undefined {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : undefined;
}

/** A decoder of a tokenizer.json, made ready: token → bytes, and what the whole text loses at its start. */
export interface CompiledDecoder {
  spell(token: string, isAdded: boolean, isFirst: boolean): Uint8Array;
  readonly strip: Spelling["strip"];
}

type Edit = (token: string, isFirst: boolean) => string;
type Rule = { [key: string]: Json };

const encoder = new TextEncoder();
const utf8 = (token: string): Uint8Array => encoder.encode(token);

/**
 * Compiles the `decoder` of a tokenizer.json. Steps that look at more than one token at a time (`CTC`,
 * `BPEDecoder`, a `Replace` of several characters after `Fuse`) throw `unsupported`; malformed ones `bad-file`.
 * Source: the decoders of huggingface/tokenizers. Where that has none it joins tokens with spaces.
 */
export function compileDecoder(decoder: Json, what: string): CompiledDecoder {
  const edits: Edit[] = [];
  let toBytes: (token: string, isAdded: boolean) => Uint8Array = utf8;
  let strip = { byte: 0x20, count: 0 };
  let isFused = false;
  let isBytes = false;
  const refuse = (step: string): LabError =>
    new LabError("unsupported", `${what}: the decoder step ${step} is not supported`);

  if (decoder === null) edits.push((token, isFirst) => (isFirst ? token : ` ${token}`));
  for (const rule of flatten(decoder, what)) {
    const type = rule["type"];
    if (isBytes && type !== "Fuse" && type !== "Strip") throw refuse(`${showJson(type)} after bytes`);
    if (type === "Replace") {
      const { from, to } = readReplace(rule, what);
      if (isFused && [...from].length > 1) throw refuse(`"Replace" of ${showJson(from)} after "Fuse"`);
      edits.push((token) => token.replaceAll(from, () => to));
    } else if (type === "Metaspace") {
      const mark = typeof rule["replacement"] === "string" ? rule["replacement"] : "\u2581";
      const scheme = rule["prepend_scheme"] ?? (rule["add_prefix_space"] === false ? "never" : "always");
      edits.push((token, isFirst) => {
        const text = token.replaceAll(mark, " ");
        return isFirst && scheme !== "never" && text.startsWith(" ") ? text.slice(1) : text;
      });
    } else if (type === "WordPiece") {
      edits.push(wordPieceEdit(rule));
    } else if (type === "ByteLevel") {
      toBytes = (token, isAdded) => (isAdded ? utf8(token) : byteLevelBytes(token));
      isBytes = true;
    } else if (type === "ByteFallback") {
      toBytes = (token) => {
        const byte = byteOfToken(token);
        return byte === undefined ? utf8(token) : Uint8Array.of(byte);
      };
      isBytes = true;
    } else if (type === "Fuse") {
      isFused = true;
    } else if (type === "Strip") {
      const { content, start, stop } = rule;
      const isOneByte = typeof content === "string" && /^[\0-\x7f]$/.test(content);
      if (
        !isFused ||
        !isOneByte ||
        (stop ?? 0) !== 0 ||
        !Number.isSafeInteger(start ?? 0) ||
        Number(start) < 0
      ) {
        throw refuse(`"Strip" other than of one ASCII character at the start of the fused text`);
      }
      strip = { byte: content.charCodeAt(0), count: Number(start ?? 0) };
    } else {
      throw refuse(showJson(type));
    }
  }
  return {
    strip,
    spell: (token, isAdded, isFirst) =>
      toBytes(
        edits.reduce((text, edit) => edit(text, isFirst), token),
        isAdded,
      ),
  };
}

/** The steps of a decoder, sequences opened. */
function flatten(decoder: Json, what: string): Rule[] {
  if (decoder === null) return [];
  if (!isJsonObject(decoder)) throw new LabError("bad-file", `${what}: a decoder is ${showJson(decoder)}`);
  if (decoder["type"] !== "Sequence") return [decoder];
  const steps = decoder["decoders"];
  if (!Array.isArray(steps))
    throw new LabError("bad-file", `${what}: the decoder sequence has no list of decoders`);
  return steps.flatMap((step) => {
    if (step === null) throw new LabError("bad-file", `${what}: a decoder of the sequence is null`);
    return flatten(step, what);
  });
}

function readReplace(rule: Rule, what: string): { from: string; to: string } {
  const pattern = rule["pattern"];
  const from = isJsonObject(pattern) ? pattern["String"] : undefined;
  if (isJsonObject(pattern) && pattern["Regex"] !== undefined) {
    throw new LabError("unsupported", `${what}: the decoder replaces by a regular expression`);
  }
  const to = rule["content"] ?? "";
  if (typeof from !== "string" || from === "" || typeof to !== "string") {
    throw new LabError("bad-file", `${what}: the decoder replaces ${showJson(from)} by ${showJson(to)}`);
  }
  return { from, to };
}

/** `##ing` joins the word before it; every other token but the first gets a space. */
function wordPieceEdit(rule: Rule): Edit {
  const prefix = typeof rule["prefix"] === "string" ? rule["prefix"] : "##";
  const cleanUp = rule["cleanup"] !== false;
  return (token, isFirst) => {
    const joins = prefix !== "" && token.startsWith(prefix);
    const text = isFirst ? token : joins ? token.slice(prefix.length) : ` ${token}`;
    return cleanUp ? text.replace(/ ([.?!,]|n't|'m|'s|'ve|'re)/g, "$1").replace(/ ' /g, "'") : text;
  };
}

/**
 * GPT-2 writes each byte as one printable character: bytes that are printable Latin-1 as themselves, the other
 * 68 in order as U+0100 and up. Source: `bytes_to_unicode` of openai/gpt-2, encoder.py.
 */
function byteLevelBytes(token: string): Uint8Array {
  const table = (byteOfChar ??= makeByteTable());
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = table[token.charCodeAt(i)];
    if (byte === undefined) return utf8(token); // not written that way: the reference takes it literally
    bytes[i] = byte;
  }
  return bytes;
}

let byteOfChar: (number | undefined)[] | undefined;

function makeByteTable(): (number | undefined)[] {
  const table: (number | undefined)[] = [];
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    table[isPrintable ? byte : next++] = byte;
  }
  return table;
}
