import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeProvider } from "../gpu/testing/node_gpu.ts";
import type { Folder } from "../lm/checkpoint/source.ts";
import { goldenFolder } from "../lm/testing/models.ts";
import { Session } from "./session.ts";

/** The golden model, calling `onHash` when its weights are read again from the first byte, after loading. */
function hashedFolder(onHash: () => void): Folder {
  const folder = goldenFolder();
  let nLoads = 0;
  return {
    list: () => folder.list(),
    async open(name, signal) {
      const file = await folder.open(name, signal);
      if (file === undefined || name !== "model.safetensors") return file;
      return {
        ...file,
        read(begin, end, readSignal) {
          if (end === file.size && nLoads++ > 0) onHash();
          return file.read(begin, end, readSignal);
        },
      };
    },
  };
}

describe("a session", () => {
  let session: Session;
  beforeAll(async () => {
    session = await Session.open(nodeProvider());
  });
  afterAll(() => session.close());

  test("has no model until one is loaded", () => {
    expect(() => session.current).toThrow(/no model is loaded/);
  });

  test("keeps its model, and leaks none, when loading the next is cancelled at the last moment", async () => {
    const first = await session.load("file:first", goldenFolder());
    expect(first.info).toMatchObject({ ref: "file:first", nLayer: 2, hasTokenizer: false });
    const before = session.gpu.memory.report().bytes;
    const controller = new AbortController();
    const next = session.load("file:next", hashedFolder(() => controller.abort()), { signal: controller.signal });
    await expect(next).rejects.toMatchObject({ code: "cancelled" });
    expect(session.current).toBe(first);
    expect(session.gpu.memory.report().bytes).toBe(before);
    expect((await session.load("file:next", goldenFolder())).info.sha256).toBe(first.info.sha256);
    expect(session.gpu.memory.report().bytes).toBe(before);
  });
});
