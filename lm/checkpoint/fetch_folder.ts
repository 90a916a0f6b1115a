/**
 * A model on a web server, read with `Range` requests. A server that ignores `Range` sends the whole file once;
 * it is then kept in memory and not asked for again.
 */
import { LabError, throwIfCancelled } from "../../lib/errors.ts";
import { type FileSource, type Folder, checkFileName, checkRange, memorySource } from "./source.ts";

/** Bytes of the first request of a file: a config, or the header of a checkpoint, arrives in one round trip. */
const FIRST_BYTES = 1 << 18;

export interface FetchFolderOptions {
  /** File names known beforehand; a web server cannot be asked for a listing. */
  readonly names?: readonly string[];
  /** Stands in for the global `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** The files under `baseUrl` (absolute where it matters: a worker resolves against its own script). */
export function fetchFolder(baseUrl: string, options: FetchFolderOptions = {}): Folder {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const get = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
  return {
    async list() {
      return [...(options.names ?? [])].sort();
    },
    async open(name, signal) {
      checkFileName(name);
      return openUrl(name, `${base}${encodeURIComponent(name)}`, get, signal);
    },
  };
}

type Get = NonNullable<FetchFolderOptions["fetch"]>;

async function openUrl(
  name: string,
  url: string,
  get: Get,
  signal: AbortSignal | undefined,
): Promise<FileSource | undefined> {
  const response = await request(name, url, get, `bytes=0-${FIRST_BYTES - 1}`, signal);
  if (response.status === 404 || response.status === 410 || isPageInstead(name, response)) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.status === 416) {
    await response.body?.cancel();
    return memorySource(name, new Uint8Array(0));
  }
  if (response.status === 200) return memorySource(name, await readBody(name, response, signal));
  if (response.status !== 206) throw refusal(name, url, response);

  const range = contentRange(response);
  if (range === undefined || range.begin !== 0) {
    // The size is hidden (a server of another origin need not show it): take the file whole.
    await response.body?.cancel();
    const whole = await request(name, url, get, undefined, signal);
    if (whole.status !== 200) throw refusal(name, url, whole);
    return memorySource(name, await readBody(name, whole, signal));
  }
  const first = await readBody(name, response, signal);
  const { size } = range;
  if (first.byteLength !== Math.min(size, FIRST_BYTES)) throw wrongLength(name, first.byteLength, 0, size);
  return {
    name,
    size,
    async read(begin, end, readSignal) {
      throwIfCancelled(readSignal);
      checkRange(name, size, begin, end);
      if (end <= first.byteLength) return first.subarray(begin, end);
      const part = await request(name, url, get, `bytes=${begin}-${end - 1}`, readSignal);
      if (part.status === 200) {
        const whole = await readBody(name, part, readSignal);
        if (whole.byteLength !== size) throw wrongLength(name, whole.byteLength, 0, size);
        return whole.subarray(begin, end);
      }
      if (part.status !== 206) throw refusal(name, url, part);
      const got = contentRange(part);
      if (got && (got.begin !== begin || got.size !== size)) {
        throw new LabError("bad-file", `${name}: changed on the server while it was read`, "Load it again.");
      }
      const bytes = await readBody(name, part, readSignal);
      if (bytes.byteLength !== end - begin) throw wrongLength(name, bytes.byteLength, begin, end);
      return bytes;
    },
  };
}

async function request(
  name: string,
  url: string,
  get: Get,
  range: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Response> {
  throwIfCancelled(signal);
  const headers: Record<string, string> = range === undefined ? {} : { Range: range };
  try {
    return await get(url, signal ? { headers, signal } : { headers });
  } catch (error) {
    throwIfCancelled(signal);
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError("not-found", `${name}: no answer from ${url} (${reason})`, "Check the connection.");
  }
}

/** Development servers answer a missing file with their start page and status 200. */
function isPageInstead(name: string, response: Response): boolean {
  return (
    response.ok && !name.endsWith(".html") && /^text\/html/i.test(response.headers.get("content-type") ?? "")
  );
}

function contentRange(response: Response): { begin: number; size: number } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+)$/i.exec(response.headers.get("content-range") ?? "");
  return match ? { begin: Number(match[1]), size: Number(match[2]) } : undefined;
}

/** The body as one array, read as a stream: into place where the length is known, else gathered. */
async function readBody(
  name: string,
  response: Response,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const isPlain = response.headers.get("content-encoding") === null;
  const declared = isPlain ? Number(response.headers.get("content-length") ?? Number.NaN) : Number.NaN;
  const chunks: Uint8Array[] = [];
  let nBytes = 0;
  try {
    const reader = response.body?.getReader();
    for (let step = await reader?.read(); step && !step.done; step = await reader?.read()) {
      chunks.push(step.value);
      nBytes += step.value.byteLength;
    }
  } catch (error) {
    throwIfCancelled(signal);
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError("not-found", `${name}: the transfer broke off (${reason})`, "Load it again.");
  }
  if (!Number.isNaN(declared) && declared !== nBytes) throw wrongLength(name, nBytes, 0, declared);
  return concatBytes(chunks);
}

/** The chunks one after another; each is let go once copied. */
function concatBytes(chunks: (Uint8Array | undefined)[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + (chunk?.byteLength ?? 0), 0));
  let at = 0;
  chunks.forEach((chunk, i) => {
    if (!chunk) return;
    out.set(chunk, at);
    at += chunk.byteLength;
    chunks[i] = undefined;
  });
  return out;
}

function refusal(name: string, url: string, response: Response): LabError {
  return new LabError(
    "not-found",
    `${name}: ${url} answered ${response.status} ${response.statusText}`.trimEnd(),
  );
}

function wrongLength(name: string, got: number, begin: number, end: number): LabError {
  return new LabError("bad-file", `${name}: the server sent ${got} bytes where ${end - begin} were due`);
}
