/**
 * The safetensors format: u64 N | N bytes of JSON header | data. Read strictly: the header must account for
 * every byte of the file, once. Source: the format description and `Metadata::validate` of
 * huggingface/safetensors; stricter in refusing names that are not well-formed Unicode.
 */
import { LabError, throwIfCancelled } from "../../lib/errors.ts";
import { type Dtype, bitsOf, isDtype } from "./dtypes.ts";
import type { FileSource } from "./source.ts";
import { type Json, isJsonObject, parseStrictJson, showJson } from "./strict_json.ts";

/** Longest header that is read, bytes; the limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** One tensor of a file: row-major elements at file bytes [begin, end). */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** File offset of the first byte; not always a multiple of the element size. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** By name, in the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The file's own `__metadata__`; nothing in it is to be trusted. */
  readonly metadata: ReadonlyMap<string, string>;
  /** File offset at which the data begin: 8 + N. */
  readonly dataBegin: number;
}

/** Elements of a shape; 1 for rank 0. */
export function countElements(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Reads and checks the header. Throws `bad-file` with what is wrong. */
export async function readHeader(source: FileSource, signal?: AbortSignal): Promise<SafetensorsHeader> {
  const { name: file, size } = source;
  if (size < 8) throw bad(file, `${size} bytes; a safetensors file has at least 8`);
  const prefix = await source.read(0, 8, signal);
  const declared = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (declared > BigInt(MAX_HEADER_BYTES)) {
    throw bad(file, `a header of ${declared} bytes is declared, more than the ${MAX_HEADER_BYTES} allowed`);
  }
  const headerBytes = Number(declared);
  const dataBegin = 8 + headerBytes;
  if (dataBegin > size)
    throw bad(file, `a header of ${headerBytes} bytes is declared, the file ends after ${size - 8}`);
  if (headerBytes === 0) throw bad(file, "the header is empty");

  const bytes = await source.read(8, dataBegin, signal);
  if (bytes[0] !== 0x7b) throw bad(file, `the header begins with byte ${bytes[0]}, not with "{"`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(file, "the header is not valid UTF-8");
  }
  const header = parseStrictJson(text, `${file}: header`, { maxDepth: 8, wholeNumbers: true });
  if (!isJsonObject(header)) throw bad(file, "the header is not an object");

  const infos: TensorInfo[] = [];
  let metadata = new Map<string, string>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(file, entry);
    else infos.push(readEntry(file, name, entry, dataBegin));
  }
  checkCover(file, infos, dataBegin, size);
  return { tensors: new Map(infos.map((info) => [info.name, info])), metadata, dataBegin };
}

function bad(file: string, problem: string): LabError {
  return new LabError("bad-file", `${file}: ${problem}`);
}

function readMetadata(file: string, entry: Json): Map<string, string> {
  if (!isJsonObject(entry)) throw bad(file, `__metadata__ is ${showJson(entry)}, not an object`);
  const metadata = new Map<string, string>();
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== "string")
      throw bad(file, `__metadata__ ${showJson(key)} is ${showJson(value)}, not text`);
    metadata.set(key, value);
  }
  return metadata;
}

/** One entry `{dtype, shape, data_offsets}`, its size checked against its shape. */
function readEntry(file: string, name: string, entry: Json, dataBegin: number): TensorInfo {
  const where = `tensor ${showJson(name)}`;
  if (!isJsonObject(entry)) throw bad(file, `${where} is ${showJson(entry)}, not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) throw bad(file, `${where} has the unknown dtype ${showJson(dtype)}`);
  if (!Array.isArray(shape)) throw bad(file, `${where} has as shape ${showJson(shape)}, not an array`);
  const extents = shape.map((extent) => {
    if (!isCount(extent)) throw bad(file, `${where} has the extent ${showJson(extent)} in its shape`);
    return extent;
  });
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    throw bad(file, `${where} has as data_offsets ${showJson(offsets)}, not [begin, end]`);
  }
  const [begin, end] = offsets;
  if (!isCount(begin) || !isCount(end)) {
    throw bad(
      file,
      `${where} has the offsets ${showJson(begin)} and ${showJson(end)}, not two counts of bytes`,
    );
  }
  if (begin > end) throw bad(file, `${where} begins at ${begin}, after its end at ${end}`);

  // In BigInt: a product of a few extents leaves the range in which doubles are exact.
  const nBits = extents.reduce((product, extent) => product * BigInt(extent), 1n) * BigInt(bitsOf(dtype));
  if (nBits > BigInt(Number.MAX_SAFE_INTEGER))
    throw bad(file, `${where} has a shape [${extents}] that overflows`);
  if (nBits % 8n !== 0n) throw bad(file, `${where}, ${dtype} [${extents}], does not fill whole bytes`);
  if (nBits / 8n !== BigInt(end - begin)) {
    throw bad(
      file,
      `${where}, ${dtype} [${extents}], takes ${nBits / 8n} bytes; its offsets span ${end - begin}`,
    );
  }
  return { name, dtype, shape: extents, begin: dataBegin + begin, end: dataBegin + end };
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Sorts the tensors by place; throws unless they cover the data without gap, overlap or rest. */
function checkCover(file: string, infos: TensorInfo[], dataBegin: number, size: number): void {
  infos.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = dataBegin;
  for (const { name, begin, end } of infos) {
    const where = `tensor ${showJson(name)}`;
    if (begin > at) throw bad(file, `a gap of ${begin - at} bytes lies before ${where}`);
    if (begin < at) throw bad(file, `${where} overlaps the tensor before it by ${at - begin} bytes`);
    at = end;
  }
  if (at > size) throw bad(file, `the tensors end at byte ${at}, the file at ${size}: it is cut short`);
  if (at < size) throw bad(file, `${size - at} bytes follow the last tensor`);
}

/** A piece of a tensor: its bytes from `offset` on (bytes, a multiple of the element size). */
export interface TensorChunk {
  readonly info: TensorInfo;
  readonly offset: number;
  /** May begin at any address; valid during the call only. */
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

export interface StreamOptions {
  /** Most bytes held at once; 4 MiB unless told, 8 at least. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads the named tensors in the order of the file, at most `chunkBytes` at a time, and hands over each piece;
 * neighbours share a read. An empty tensor gives one empty piece. Waits for `onChunk` before reading on.
 * Throws `not-found` for a name the header lacks, `unsupported` for sub-byte types, `cancelled` on the signal.
 */
export async function streamTensors(
  source: FileSource,
  header: SafetensorsHeader,
  names: Iterable<string>,
  options: StreamOptions,
  onChunk: (chunk: TensorChunk) => void | Promise<void>,
): Promise<void> {
  const chunkBytes = Math.max(8, Math.floor((options.chunkBytes ?? 1 << 22) / 8) * 8);
  const wanted = [...new Set(names)].map((name) => {
    const info = header.tensors.get(name);
    if (!info) throw new LabError("not-found", `${source.name} has no tensor ${showJson(name)}`);
    if (bitsOf(info.dtype) < 8)
      throw new LabError("unsupported", `${showJson(name)} has the dtype ${info.dtype}`);
    return info;
  });
  wanted.sort((a, b) => a.begin - b.begin || a.end - b.end);

  let held = new Uint8Array(0);
  let heldBegin = 0;
  for (const [i, info] of wanted.entries()) {
    const itemBytes = bitsOf(info.dtype) / 8;
    let at = info.begin;
    do {
      throwIfCancelled(options.signal);
      let end = Math.min(info.end, heldBegin + held.byteLength);
      end -= Math.max(0, end - at) % itemBytes;
      if (end <= at && info.end > at) {
        const stop = Math.min(runEnd(wanted, i), at + chunkBytes);
        held = (await source.read(at, stop, options.signal)) as Uint8Array<ArrayBuffer>;
        heldBegin = at;
        end = Math.min(info.end, stop);
      }
      const bytes = at < info.end ? held.subarray(at - heldBegin, end - heldBegin) : new Uint8Array(0);
      const isLast = at + bytes.byteLength === info.end;
      await onChunk({ info, offset: at - info.begin, bytes, isLast });
      at += bytes.byteLength;
    } while (at < info.end);
  }
}

/** Where the unbroken run of wanted tensors that `wanted[i]` belongs to ends. */
function runEnd(wanted: readonly TensorInfo[], i: number): number {
  let end = wanted[i]!.end;
  for (let j = i + 1; j < wanted.length && wanted[j]!.begin === end; j++) end = wanted[j]!.end;
  return end;
}

/** A tensor to be written: row-major little-endian bytes. */
export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * A safetensors file as parts to be joined (`new Blob(parts)`, or written one after another): the header, then
 * each tensor's own bytes, uncopied. Equal content gives equal bytes: metadata by key, tensors by descending
 * element size (so that each is aligned) and then by name; the header is padded with spaces to a multiple of 8.
 * Throws `shape` when bytes and shape disagree, `bad-param` for a name that cannot be written.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer>[] {
  const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...tensors].sort(([a, x], [b, y]) => bitsOf(y.dtype) - bitsOf(x.dtype) || byText(a, b));
  // Assembled as text: an object would move keys that look like numbers and lose `__proto__`.
  const fields: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => byText(a, b));
    fields.push(`"__metadata__":{${pairs.map(([key, value]) => `${quote(key)}:${quote(value)}`).join(",")}}`);
  }
  let begin = 0;
  for (const [name, { dtype, shape, bytes }] of sorted) {
    if (name === "__metadata__") throw new LabError("bad-param", "a tensor cannot be named __metadata__");
    const isShape = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
    if (!isShape || countElements(shape) * bitsOf(dtype) !== bytes.byteLength * 8) {
      throw new LabError(
        "shape",
        `tensor ${showJson(name)}: ${bytes.byteLength} bytes are not ${dtype} [${shape}]`,
      );
    }
    const end = begin + bytes.byteLength;
    fields.push(`${quote(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${end}]}`);
    begin = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  if (padded > MAX_HEADER_BYTES)
    throw new LabError("bad-param", `a header of ${padded} bytes is too long to write`);
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return [head, ...sorted.map(([, { bytes }]) => bytes as Uint8Array<ArrayBuffer>)];
}

/** A string as JSON. Throws `bad-param` for half a surrogate pair, which has no UTF-8. */
function quote(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new LabError(
      "bad-param",
      `${JSON.stringify(text)} holds half a surrogate pair and cannot be written`,
    );
  }
  return JSON.stringify(text);
}
