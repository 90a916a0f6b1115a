// @ts-check
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildDue, newest } from "./build.mjs";
import { byteRange, contentType, serve } from "./serve.mjs";

describe("byte ranges", () => {
  test.each([
    ["bytes=0-3", { first: 0, last: 3 }],
    ["bytes=4-", { first: 4, last: 9 }],
    ["bytes=-3", { first: 7, last: 9 }],
    ["bytes=-99", { first: 0, last: 9 }],
    ["bytes=8-99", { first: 8, last: 9 }],
    ["bytes=9-9", { first: 9, last: 9 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=5-2", null],
    ["bytes=-", null],
    ["bytes=0-1,4-5", null],
    ["items=0-1", null],
    [undefined, null],
  ])("%s of ten", (header, range) => {
    expect(byteRange(header, 10)).toEqual(range);
  });
});

test("types a page depends on", () => {
  expect(contentType("a/x.wasm")).toBe("application/wasm");
  expect(contentType("x.JS")).toBe("text/javascript; charset=utf-8");
  expect(contentType("model.safetensors")).toBe("application/octet-stream");
  expect(contentType("LICENSE")).toBe("application/octet-stream");
});

describe("the server", () => {
  const base = mkdtempSync(join(tmpdir(), "benchtop-serve-"));
  const folder = join(base, "dist");
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let running;

  beforeAll(async () => {
    mkdirSync(join(folder, "models"), { recursive: true });
    writeFileSync(join(folder, "index.html"), "<p>hello");
    writeFileSync(join(folder, "models/m.safetensors"), "0123456789");
    writeFileSync(join(folder, ".hidden"), "secret");
    writeFileSync(join(folder, "empty.txt"), "");
    writeFileSync(join(base, "outside.txt"), "secret");
    symlinkSync(join(base, "outside.txt"), join(folder, "link.txt"));
    running = await serve(folder, 0);
  });
  afterAll(() => {
    running.server.close();
    rmSync(base, { recursive: true });
  });

  /**
   * A request whose path is sent as it is written, which fetch would tidy.
   * @param {string} path @param {{method?: string, headers?: Record<string, string>}} [options]
   * @returns {Promise<{status: number | undefined, headers: import("node:http").IncomingHttpHeaders, body: string}>}
   */
  const get = (path, options = {}) =>
    new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: running.port, path, ...options }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part) => (body += part));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
      });
      sent.on("error", reject).end();
    });

  test("gives files, and index.html for the folder, whatever the query", async () => {
    const page = await get("/?a=1");
    expect([page.status, page.body, page.headers["content-type"]]).toEqual([
      200,
      "<p>hello",
      "text/html; charset=utf-8",
    ]);
    const file = await get("/models/m.safetensors");
    expect([file.body, file.headers["content-length"], file.headers["accept-ranges"]]).toEqual([
      "0123456789",
      "10",
      "bytes",
    ]);
    expect((await get("/empty.txt")).status).toBe(200);
  });
  test("gives parts", async () => {
    const part = await get("/models/m.safetensors", { headers: { Range: "bytes=2-4" } });
    expect([part.status, part.body, part.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
    const beyond = await get("/models/m.safetensors", { headers: { Range: "bytes=10-" } });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */10"]);
    const changed = await get("/models/m.safetensors", {
      headers: { Range: "bytes=2-4", "If-Range": '"old"' },
    });
    expect([changed.status, changed.body]).toEqual([200, "0123456789"]);
  });
  test("gives nothing to HEAD and to those who have it, and refuses the rest", async () => {
    const head = await get("/index.html", { method: "HEAD" });
    expect([head.status, head.body, head.headers["content-length"]]).toEqual([200, "", "8"]);
    const again = await get("/index.html", { headers: { "If-None-Match": String(head.headers.etag) } });
    expect([again.status, again.body]).toEqual([304, ""]);
    expect((await get("/", { method: "POST" })).status).toBe(405);
  });
  test.each([
    "/../outside.txt",
    "/%2e%2e/outside.txt",
    "/models/..%2f..%2foutside.txt",
    "/..%5coutside.txt",
    "/link.txt",
    "/.hidden",
    "/%00",
    "/%zz",
    "/missing",
    "/models",
  ])("gives nothing for %s", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(response.body).not.toContain("secret");
  });
  test("takes the next port when one is taken, unless it may not", async () => {
    const second = await serve(folder, running.port);
    second.server.close();
    expect(second.port).toBeGreaterThan(running.port);
    await expect(serve(folder, running.port, { strict: true })).rejects.toThrow("EADDRINUSE");
  });
  test("listens to this machine alone", () => {
    expect(running.server.address()).toMatchObject({ address: "127.0.0.1" });
  });
});

describe("a build is due", () => {
  const folder = mkdtempSync(join(tmpdir(), "benchtop-build-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** @param {string} path @param {number} seconds */
  const touch = (path, seconds) => utimesSync(join(folder, path), seconds, seconds);

  test("before the first, after a change, and after a file has gone", () => {
    for (const d of ["app/deep", "dist"]) mkdirSync(join(folder, d), { recursive: true });
    writeFileSync(join(folder, "app/deep/a.ts"), "");
    for (const path of ["app/deep/a.ts", "app/deep", "app"]) touch(path, 1000);
    expect(buildDue(folder)).toBe(true);
    writeFileSync(join(folder, "dist/index.html"), "");
    touch("dist/index.html", 2000);
    expect(buildDue(folder)).toBe(false);
    touch("app/deep/a.ts", 3000);
    expect(buildDue(folder)).toBe(true);
    rmSync(join(folder, "app/deep/a.ts"));
    touch("dist/index.html", 4000);
    expect(buildDue(folder)).toBe(true);
  });
  test("newest looks into folders and passes over what is not there", () => {
    expect(newest(folder, ["missing"])).toBe(0);
    touch("dist/index.html", 4_000_000_000);
    expect(newest(folder, ["dist"])).toBe(4_000_000_000_000);
  });
});
