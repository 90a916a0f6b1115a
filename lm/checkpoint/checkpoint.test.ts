import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openCheckpoint, openWeightsFile } from "./checkpoint.ts";
import { writeSafetensors } from "./safetensors.ts";
import { sha256 } from "./sha256.ts";
import { memorySource } from "./source.ts";
import { folderOf } from "./testing/files.ts";

const nodeHash = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
const fileOf = (...names: string[]): Uint8Array =>
  Uint8Array.from(
    writeSafetensors(
      new Map(names.map((name) => [name, { dtype: "F32", shape: [2], bytes: new Uint8Array(8).fill(1) }])),
    ).flatMap((part) => [...part]),
  );

describe("openCheckpoint", () => {
  test("one file, under its usual name or as the only one", async () => {
    const file = fileOf("a", "b");
    for (const name of ["model.safetensors", "other.safetensors"]) {
      const checkpoint = await openCheckpoint(folderOf({ [name]: file, "config.json": "{}" }));
      expect([...checkpoint.tensors.keys()]).toEqual(["a", "b"]);
      expect(checkpoint.tensors.get("b")?.source.name).toBe(name);
      expect(checkpoint.totalBytes).toBe(16);
      expect(await checkpoint.sha256()).toBe(nodeHash(file));
    }
    const single = await openWeightsFile(memorySource("x", file));
    expect(single.shards).toHaveLength(1);
  });

  test("the single file is taken before an index, as transformers does", async () => {
    const files = { "model.safetensors": fileOf("a"), "model.safetensors.index.json": "not read" };
    expect([...(await openCheckpoint(folderOf(files))).tensors.keys()]).toEqual(["a"]);
  });

  test("shards, with names that mean something to an object", async () => {
    const [first, second] = [fileOf("a", "__proto__"), fileOf("c")];
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = `{"metadata":{"total_size":1},"weight_map":{"c":"${two}","a":"${one}","__proto__":"${one}"}}`;
    const checkpoint = await openCheckpoint(
      folderOf({ [one]: first, [two]: second, "model.safetensors.index.json": index }),
    );
    expect([...checkpoint.tensors].map(([name, { source }]) => [name, source.name])).toEqual([
      ["__proto__", one],
      ["a", one],
      ["c", two],
    ]);
    expect(checkpoint.totalBytes).toBe(24);
    expect(checkpoint.shards.map((shard) => shard.source.name)).toEqual([one, two]);
    const lines = `${nodeHash(first)}  ${one}\n${nodeHash(second)}  ${two}\n`;
    expect(await checkpoint.sha256()).toBe(nodeHash(lines));
  });
});

describe("sha256", { timeout: 60_000 }, () => {
  test("the published examples", () => {
    const hashOf = (text: string): string => {
      const hash = sha256();
      hash.update(new TextEncoder().encode(text));
      return hash.hex();
    };
    expect(hashOf("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(hashOf("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hashOf("a".repeat(1_000_000))).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });

  test("equals that of Node, however the message is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (pieces) => {
        const hash = sha256();
        for (const piece of pieces) hash.update(piece);
        expect(hash.hex()).toBe(nodeHash(Buffer.concat(pieces)));
      }),
    );
  });
});
