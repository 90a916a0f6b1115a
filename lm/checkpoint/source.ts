/**
 * Where the bytes of a model come from: a dropped file, a chosen folder, memory. (Over the network:
 * `fetch_folder.ts`; from a disk in Node: `node_folder.ts`.) A reader asks for ranges, so no file is ever held
 * whole unless its origin already holds it so.
 */
import { LabError, throwIfCancelled } from "../../lib/errors.ts";

/** A file that can be read by byte ranges. */
export interface FileSource {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Bytes [begin, end). The result may be a view of bytes that somebody else holds: do not write into it.
   * Throws `bad-file` for a range outside the file or a file that cannot be read, `cancelled` on the signal.
   */
  read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** A flat folder of files, looked up by plain names. */
export interface Folder {
  /** Names of the files, sorted; over the network only the names known beforehand. */
  list(): Promise<string[]>;
  /** The file, or undefined where there is none. Throws `bad-file` for a name that is a path. */
  open(name: string, signal?: AbortSignal): Promise<FileSource | undefined>;
}

/** Throws `bad-file` unless `name` is a plain file name: no `/`, `\`, `..`, no control characters, not empty. */
export function checkFileName(name: string): void {
  // eslint-disable-next-line no-control-regex
  if (name === "" || /[/\\\u0000-\u001f]|\.\./.test(name)) {
    throw new LabError(
      "bad-file",
      `the file name ${JSON.stringify(name)} is not a plain name: "/", "\\", ".." and control characters are refused`,
    );
  }
}

/** Throws `bad-file` unless 0 ≤ begin ≤ end ≤ size, in whole bytes. */
export function checkRange(name: string, size: number, begin: number, end: number): void {
  const isRange = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end;
  if (!isRange || end > size) {
    throw new LabError("bad-file", `${name}: bytes ${begin} to ${end} asked for, the file has ${size}`);
  }
}

/** Bytes in memory as a file; reads are views, not copies. */
export function memorySource(name: string, bytes: Uint8Array): FileSource {
  return {
    name,
    size: bytes.byteLength,
    async read(begin, end, signal) {
      throwIfCancelled(signal);
      checkRange(name, bytes.byteLength, begin, end);
      return bytes.subarray(begin, end);
    },
  };
}

/** A folder in memory: name → bytes. Throws `bad-file` for a name that is a path. */
export function memoryFolder(files: ReadonlyMap<string, Uint8Array>): Folder {
  for (const name of files.keys()) checkFileName(name);
  return {
    async list() {
      return [...files.keys()].sort();
    },
    async open(name) {
      checkFileName(name);
      const bytes = files.get(name);
      return bytes && memorySource(name, bytes);
    },
  };
}

/** A Blob or File (dropped, chosen) as a file. */
export function blobSource(name: string, blob: Blob): FileSource {
  return {
    name,
    size: blob.size,
    async read(begin, end, signal) {
      throwIfCancelled(signal);
      checkRange(name, blob.size, begin, end);
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await blob.slice(begin, end).arrayBuffer());
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new LabError("bad-file", `${name}: cannot be read (${reason})`, "Choose the file again.");
      }
      throwIfCancelled(signal);
      if (bytes.byteLength !== end - begin) {
        throw new LabError("bad-file", `${name}: changed while it was read`, "Choose the file again.");
      }
      return bytes;
    },
  };
}

/** A File as the browser hands it over; Node's File lacks the path. */
export interface NamedBlob extends Blob {
  readonly name: string;
  readonly webkitRelativePath?: string;
}

/**
 * Dropped files, or a folder chosen with `<input webkitdirectory>`; of a chosen folder only its own files, not
 * those of its sub-folders. Throws `bad-file` when two files have one name.
 */
export function fileFolder(files: Iterable<NamedBlob>): Folder {
  const byName = new Map<string, NamedBlob>();
  for (const file of files) {
    if ((file.webkitRelativePath ?? "").split("/").length > 2) continue;
    checkFileName(file.name);
    if (byName.has(file.name)) throw new LabError("bad-file", `two of the files are named ${file.name}`);
    byName.set(file.name, file);
  }
  return {
    async list() {
      return [...byName.keys()].sort();
    },
    async open(name) {
      checkFileName(name);
      const file = byName.get(name);
      return file && blobSource(name, file);
    },
  };
}

/** A whole small file as text. Throws `bad-file` when it is longer than `limitBytes` or not UTF-8. */
export async function readText(
  source: FileSource,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<string> {
  if (source.size > limitBytes) {
    throw new LabError(
      "bad-file",
      `${source.name}: ${source.size} bytes, more than the ${limitBytes} allowed`,
    );
  }
  const bytes = await source.read(0, source.size, signal);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new LabError("bad-file", `${source.name}: not valid UTF-8 text`);
  }
}
