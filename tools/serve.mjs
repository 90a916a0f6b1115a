// @ts-check
/** A small static file server for `dist/`: right types, byte ranges, nothing outside its folder. */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream";

/** @type {Record<string, string>} */
const types = {
  ".css": "text/css; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".jsonl": "application/jsonl; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".safetensors": "application/octet-stream",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".wgsl": "text/wgsl; charset=utf-8",
  ".woff2": "font/woff2",
};

/** Content type by a file's name. @param {string} path */
export const contentType = (path) => types[extname(path).toLowerCase()] ?? "application/octet-stream";

/**
 * A `Range` header against a file's size: the bytes [first, last], null where the header asks for nothing we
 * serve in part (absent, malformed, several ranges), or "unsatisfiable" (RFC 9110 §14).
 * @param {string | undefined} header @param {number} size
 * @returns {{first: number, last: number} | null | "unsatisfiable"}
 */
export function byteRange(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return null;
  if (match[1] === "") {
    const n = Number(match[2]);
    return n === 0 || size === 0 ? "unsatisfiable" : { first: Math.max(0, size - n), last: size - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < first) return null;
  return first >= size ? "unsatisfiable" : { first, last };
}

/**
 * The file a URL names, or null: index.html for a folder, never a path outside `folder`.
 * @param {string} folder @param {string} url
 */
async function fileOf(folder, url) {
  try {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    if (path.includes("\0") || path.split(/[/\\]/).some((part) => part.startsWith("."))) return null;
    const base = await realpath(folder);
    let file = await realpath(join(base, path));
    if ((await stat(file)).isDirectory()) file = await realpath(join(file, "index.html"));
    return file.startsWith(base + sep) ? { file, info: await stat(file) } : null;
  } catch {
    return null;
  }
}

/**
 * Answers requests from the files of `folder`.
 * @param {string} folder
 * @returns {import("node:http").RequestListener}
 */
export function staticFiles(folder) {
  return async (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    const found = await fileOf(folder, request.url ?? "/");
    if (!found) {
      response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("Not found.\n");
      return;
    }
    const { file, info } = found;
    const etag = `"${info.size.toString(36)}-${Math.floor(info.mtimeMs).toString(36)}"`;
    const headers = {
      "Content-Type": contentType(file),
      "Accept-Ranges": "bytes",
      "Cache-Control": "no-cache",
      ETag: etag,
      "X-Content-Type-Options": "nosniff",
    };
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    const ifRange = request.headers["if-range"];
    const asked = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
    const range = byteRange(asked, info.size);
    if (range === "unsatisfiable") {
      response.writeHead(416, { ...headers, "Content-Range": `bytes */${info.size}` }).end();
      return;
    }
    const { first, last } = range ?? { first: 0, last: info.size - 1 };
    const part = range ? { "Content-Range": `bytes ${first}-${last}/${info.size}` } : {};
    response.writeHead(range ? 206 : 200, { ...headers, ...part, "Content-Length": last - first + 1 });
    if (request.method === "HEAD" || info.size === 0) response.end();
    else pipeline(createReadStream(file, { start: first, end: last }), response, () => {});
  };
}

/**
 * Serves `folder` on 127.0.0.1 at `port`, or the next free one; port 0 takes any.
 * @param {string} folder @param {number} port @param {{strict?: boolean}} [options] strict: that port or none
 * @returns {Promise<{server: import("node:http").Server, port: number}>}
 */
export function serve(folder, port, options = {}) {
  const server = createServer(staticFiles(folder));
  const last = options.strict ? port : port + 100;
  return new Promise((resolve, reject) => {
    let next = port;
    server.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      const taken = error.code === "EADDRINUSE" || error.code === "EACCES";
      if (!taken || next >= last || port === 0) reject(error);
      else server.listen(++next, "127.0.0.1");
    });
    server.on("listening", () => {
      const address = server.address();
      resolve({ server, port: typeof address === "object" && address ? address.port : next });
    });
    server.listen(next, "127.0.0.1");
  });
}
