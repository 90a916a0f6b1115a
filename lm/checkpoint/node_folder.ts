/** A folder, or one file, on a disk, for the command line and the tests. The only file here that needs Node. */
import { open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { LabError, throwIfCancelled } from "../../lib/errors.ts";
import { type FileSource, type Folder, checkFileName, checkRange } from "./source.ts";

/** The files of the folder at `path`. Throws `not-found` when listing a folder that is not there. */
export function nodeFolder(path: string): Folder {
  return {
    async list() {
      try {
        const entries = await readdir(path, { withFileTypes: true });
        return entries
          .filter((entry) => !entry.isDirectory())
          .map((entry) => entry.name)
          .sort();
      } catch (error) {
        throw new LabError("not-found", `${path}: not a readable folder (${reasonOf(error)})`);
      }
    },
    async open(name) {
      checkFileName(name);
      return openPath(join(path, name));
    },
  };
}

/** The file at `path`. Throws `not-found` when there is none. */
export async function nodeFile(path: string): Promise<FileSource> {
  const source = await openPath(path);
  if (!source) throw new LabError("not-found", `${path}: no such file`);
  return source;
}

/** The handle is opened anew for every read: nothing has to be closed, and reads are megabytes each. */
async function openPath(path: string): Promise<FileSource | undefined> {
  const name = basename(path);
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile()) return undefined;
  const size = info.size;
  return {
    name,
    size,
    async read(begin, end, signal) {
      throwIfCancelled(signal);
      checkRange(name, size, begin, end);
      const bytes = new Uint8Array(end - begin);
      const handle = await open(path).catch((error: unknown) => {
        throw new LabError("bad-file", `${name}: cannot be opened (${reasonOf(error)})`);
      });
      try {
        for (let at = 0; at < bytes.byteLength;) {
          const { bytesRead } = await handle.read(bytes, at, bytes.byteLength - at, begin + at);
          if (bytesRead === 0)
            throw new LabError("bad-file", `${name}: ends early; it changed while it was read`);
          at += bytesRead;
        }
      } finally {
        await handle.close();
      }
      throwIfCancelled(signal);
      return bytes;
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
