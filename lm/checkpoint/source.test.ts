import { mkdtemp, rm, symlink, writeFile, mkdir } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetchFolder } from "./fetch_folder.ts";
import { nodeFile, nodeFolder } from "./node_folder.ts";
import { type Folder, fileFolder, memoryFolder, readText } from "./source.ts";

/** Longer than the first request over the network. */
const content = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
const small = new TextEncoder().encode('{"ok":true}');

/** How the test server of this moment answers. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answer: Answer = () => {};
const server = createServer((request, response) => answer(request, response));
let base = "";
let folderPath = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/m`;
  folderPath = await mkdtemp(join(tmpdir(), "folder-"));
  await writeFile(join(folderPath, "big.bin"), content);
  await writeFile(join(folderPath, "small.json"), small);
  await writeFile(join(folderPath, "none.bin"), "");
  await symlink(join(folderPath, "small.json"), join(folderPath, "link.json"));
  await mkdir(join(folderPath, "sub"));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folderPath, { recursive: true });
});

const byName = new Map([
  ["big.bin", content],
  ["small.json", small],
  ["none.bin", new Uint8Array(0)],
]);
const bodyOf = (request: IncomingMessage): Uint8Array | undefined =>
  byName.get(decodeURIComponent(request.url?.split("/").at(-1) ?? ""));

/** A server that knows ranges. */
const ranging: Answer = (request, response) => {
  const body = bodyOf(request);
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (!body) response.writeHead(404).end("no such file");
  else if (!range) response.writeHead(200, { "content-length": body.length }).end(body);
  else if (Number(range[1]) >= body.length) {
    response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
  } else {
    const [begin, end] = [Number(range[1]), Math.min(body.length, Number(range[2]) + 1)];
    const headers = {
      "content-range": `bytes ${begin}-${end - 1}/${body.length}`,
      "content-length": end - begin,
    };
    response.writeHead(206, headers).end(body.subarray(begin, end));
  }
};

/** A server that sends everything, whatever is asked; in pieces, without a length. */
const whole: Answer = (request, response) => {
  const body = bodyOf(request);
  if (!body) return void response.writeHead(404).end();
  for (let at = 0; at < body.length; at += 100_000) response.write(body.subarray(at, at + 100_000));
  response.end();
};

const folders: [name: string, open: () => Folder][] = [
  ["memory", () => memoryFolder(byName)],
  ["dropped files", () => fileFolder([...byName].map(([name, bytes]) => new File([bytes], name)))],
  ["a disk", () => nodeFolder(folderPath)],
  [
    "a server with ranges",
    () => {
      answer = ranging;
      return fetchFolder(base, { names: [...byName.keys()] });
    },
  ],
  [
    "a server without ranges",
    () => {
      answer = whole;
      return fetchFolder(`${base}/`, { names: [...byName.keys()] });
    },
  ],
];

describe.each(folders)("%s", { timeout: 60_000 }, (_name, make) => {
  test("lists, opens and reads", async () => {
    const folder = make();
    expect(await folder.list()).toEqual(expect.arrayContaining(["big.bin", "none.bin", "small.json"]));
    expect(await folder.open("absent.bin")).toBeUndefined();
    const big = (await folder.open("big.bin"))!;
    expect(big.size).toBe(content.length);
    for (const [begin, end] of [
      [0, 8],
      [5, 5],
      [262_143, 262_145],
      [299_999, 300_000],
      [0, 300_000],
    ] as const) {
      expect(Buffer.compare(await big.read(begin, end), content.subarray(begin, end))).toBe(0);
    }
    expect((await folder.open("none.bin"))?.size).toBe(0);
    expect(await readText((await folder.open("small.json"))!, 100)).toBe('{"ok":true}');
  });

  test("refuses paths, ranges outside, and what was cancelled", async () => {
    const folder = make();
    for (const name of ["../x", "a/b", "a\\b", "..", "", "a\u0000b"]) {
      await expect(folder.open(name)).rejects.toMatchObject({ code: "bad-file" });
    }
    const file = (await folder.open("small.json"))!;
    for (const [begin, end] of [
      [-1, 2],
      [3, 2],
      [0, 12],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      await expect(file.read(begin, end)).rejects.toThrow(/small\.json: bytes .* asked for, the file has 11/);
    }
    await expect(file.read(0, 1, AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a chosen folder", () => {
  const at = (path: string): File =>
    Object.defineProperty(new File([path], path.split("/").at(-1)!), "webkitRelativePath", { value: path });

  test("its own files count, those below do not", async () => {
    const folder = fileFolder([at("m/config.json"), at("m/onnx/config.json"), at("m/a.safetensors")]);
    expect(await folder.list()).toEqual(["a.safetensors", "config.json"]);
    expect(await readText((await folder.open("config.json"))!, 100)).toBe("m/config.json");
  });

  test("two files of one name are refused", () => {
    expect(() => fileFolder([new File([], "a"), new File([], "a")])).toThrow("two of the files are named a");
  });
});

describe("a disk", () => {
  test("a folder is no file, a link is what it points to, an absent folder is an error", async () => {
    const folder = nodeFolder(folderPath);
    expect(await folder.list()).toEqual(["big.bin", "link.json", "none.bin", "small.json"]);
    expect(await folder.open("sub")).toBeUndefined();
    expect((await folder.open("link.json"))?.size).toBe(11);
    await expect(nodeFolder(join(folderPath, "absent")).list()).rejects.toMatchObject({ code: "not-found" });
  });

  test("a single file by its path", async () => {
    expect(await nodeFile(join(folderPath, "small.json"))).toMatchObject({ name: "small.json", size: 11 });
    await expect(nodeFile(join(folderPath, "absent"))).rejects.toMatchObject({ code: "not-found" });
  });

  test("a file that shrinks while it is read", async () => {
    await writeFile(join(folderPath, "shrinks.bin"), new Uint8Array(100));
    const file = await nodeFile(join(folderPath, "shrinks.bin"));
    await writeFile(join(folderPath, "shrinks.bin"), new Uint8Array(10));
    await expect(file.read(0, 100)).rejects.toThrow("shrinks.bin: ends early");
    await rm(join(folderPath, "shrinks.bin"));
  });
});

describe("the network", { timeout: 60_000 }, () => {
  const open = async (name = "big.bin") => fetchFolder(base).open(name);

  test("a small file takes one request, a large one a request per read", async () => {
    const asked: (string | undefined)[] = [];
    answer = (request, response) => {
      asked.push(request.headers.range);
      ranging(request, response);
    };
    const config = (await open("small.json"))!;
    await config.read(0, 11);
    expect(asked).toEqual(["bytes=0-262143"]);
    const big = (await open())!;
    await big.read(10, 20);
    await big.read(250_000, 300_000);
    expect(asked.slice(1)).toEqual(["bytes=0-262143", "bytes=250000-299999"]);
  });

  test("a start page instead of a file counts as no file", async () => {
    answer = (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>");
    expect(await open()).toBeUndefined();
  });

  test("a size that is hidden makes the file come whole", async () => {
    answer = (request, response) => {
      if (!request.headers.range) return ranging(request, response);
      response.writeHead(206).end(content.subarray(0, 262_144));
    };
    expect((await open())!.size).toBe(300_000);
  });

  test.each<[string, Answer, string]>([
    ["an error of the server", (_q, r) => r.writeHead(500).end(), "answered 500"],
    ["a broken line", (_q, r) => r.destroy(), "no answer from"],
    [
      "a body that ends early",
      (_q, r) => {
        r.writeHead(200, { "content-length": 100 });
        r.write("abc");
        setTimeout(() => r.destroy(), 0);
      },
      "the transfer broke off",
    ],
    [
      "a part that is too short",
      (_q, r) => r.writeHead(206, { "content-range": "bytes 0-262143/300000" }).end("abc"),
      "the server sent 3 bytes where",
    ],
  ])("%s", async (_name, how, phrase) => {
    answer = how;
    await expect(open()).rejects.toThrow(phrase);
  });

  test("a file that changes between two reads", async () => {
    answer = ranging;
    const big = (await open())!;
    answer = (_request, response) => {
      response.writeHead(206, { "content-range": "bytes 280000-280003/400000" }).end("abcd");
    };
    await expect(big.read(280_000, 280_004)).rejects.toThrow("changed on the server while it was read");
    answer = (_request, response) => response.writeHead(200).end("abcd");
    await expect(big.read(280_000, 280_004)).rejects.toThrow("the server sent 4 bytes where 300000 were due");
    answer = (_request, response) => response.writeHead(404).end();
    await expect(big.read(280_000, 280_004)).rejects.toMatchObject({ code: "not-found" });
  });

  test("a cancelled request", async () => {
    const stop = new AbortController();
    answer = () => stop.abort();
    await expect(fetchFolder(base).open("big.bin", stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  });
});
