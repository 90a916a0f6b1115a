/**
 * JSON read strictly. `JSON.parse` silently keeps the last of two equal keys and recurses as deep as a file
 * asks; a file that uses either is refused here before it is parsed.
 */
import { LabError } from "../../lib/errors.ts";

/** JSON as plain data. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface StrictJsonOptions {
  /** Deepest nesting of arrays and objects; 64 unless told. */
  readonly maxDepth?: number;
  /** Refuse numbers written with a sign, a point or an exponent. */
  readonly wholeNumbers?: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses JSON text; `what` names the file in messages. Throws `bad-file` for anything that is not JSON, for a
 * key given twice in one object, for a key with half a surrogate pair, and for nesting deeper than `maxDepth`.
 */
export function parseStrictJson(text: string, what: string, options: StrictJsonOptions = {}): Json {
  scan(text, what, options.maxDepth ?? 64, options.wholeNumbers ?? false);
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError("bad-file", `${what}: not valid JSON (${reason})`);
  }
}

/** Whether a JSON value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value in a message: its type for containers, itself (cut short) for the rest. */
export function showJson(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** One pass over the text, without recursion. Malformed JSON is left to `JSON.parse`. */
function scan(text: string, what: string, maxDepth: number, wholeNumbers: boolean): void {
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = stringEnd(text, i);
      if (end < 0) return;
      const keys = open.at(-1);
      if (keys && isFollowedByColon(text, end + 1)) addKey(keys, text.slice(i, end + 1), what);
      i = end;
    } else if (c === 0x7b || c === 0x5b) {
      open.push(c === 0x7b ? new Set() : null);
      if (open.length > maxDepth) {
        throw new LabError("bad-file", `${what}: nested deeper than ${maxDepth} levels`);
      }
    } else if (c === 0x7d || c === 0x5d) {
      open.pop();
    } else if (wholeNumbers && (c === 0x2d || (c >= 0x30 && c <= 0x39))) {
      const number = /[-+.0-9eE]+/y;
      number.lastIndex = i;
      const lexeme = number.exec(text)?.[0] ?? "";
      if (!/^\d+$/.test(lexeme)) {
        throw new LabError("bad-file", `${what}: the number ${lexeme.slice(0, 40)} is not a whole number`);
      }
      i += lexeme.length - 1;
    }
  }
}

/** Index of the quote that closes the string opened at `start`, or −1. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let nBackslashes = 0;
    while (text.charCodeAt(end - 1 - nBackslashes) === BACKSLASH) nBackslashes++;
    if (nBackslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

function isFollowedByColon(text: string, index: number): boolean {
  let c = text.charCodeAt(index);
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++index);
  return c === 0x3a;
}

function addKey(keys: Set<string>, literal: string, what: string): void {
  let key = literal.slice(1, -1);
  if (key.includes("\\")) {
    try {
      key = JSON.parse(literal) as string;
    } catch {
      return; // JSON.parse of the whole text will say what is wrong
    }
    if (/\p{Surrogate}/u.test(key)) {
      throw new LabError("bad-file", `${what}: the key ${literal.slice(0, 60)} holds half a surrogate pair`);
    }
  }
  if (keys.has(key))
    throw new LabError("bad-file", `${what}: the key ${literal.slice(0, 80)} is given twice`);
  keys.add(key);
}
