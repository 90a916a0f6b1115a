import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LabError } from "../../lib/errors.ts";
import { type Dtype, bitsOf, toFloat32 } from "./dtypes.ts";
import { type TensorData, readHeader, streamTensors, writeSafetensors } from "./safetensors.ts";
import { type FileSource, memorySource } from "./source.ts";
import { rawSafetensors, safetensorsSource } from "./testing/files.ts";

const join = (parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** All named tensors, put together from their chunks; also counts the reads of the source. */
async function readAll(source: FileSource, names: Iterable<string> | undefined, chunkBytes: number) {
  let nReads = 0;
  let longest = 0;
  const counting: FileSource = {
    ...source,
    read(begin, end, signal) {
      nReads++;
      longest = Math.max(longest, end - begin);
      return source.read(begin, end, signal);
    },
  };
  const header = await readHeader(source);
  const tensors = new Map<string, Uint8Array>();
  const order: string[] = [];
  await streamTensors(counting, header, names ?? header.tensors.keys(), { chunkBytes }, (chunk) => {
    const { info, offset, bytes, isLast } = chunk;
    if (offset === 0) {
      tensors.set(info.name, new Uint8Array(info.end - info.begin));
      order.push(info.name);
    }
    expect(offset % (bitsOf(info.dtype) / 8)).toBe(0);
    expect(isLast).toBe(offset + bytes.length === info.end - info.begin);
    tensors.get(info.name)!.set(bytes, offset);
  });
  return { tensors, order, nReads, longest };
}

describe("the published example", () => {
  const text = '{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}';
  const data = floats(1, 2, 3, 4);
  const written = join(writeSafetensors(new Map([["w", { dtype: "F32", shape: [2, 2], bytes: data }]])));

  test("is written byte for byte", () => {
    expect(written.length).toBe(88);
    expect(hex(written.subarray(0, 8))).toBe("4000000000000000");
    expect(new TextDecoder().decode(written.subarray(8, 72))).toBe(text + " ".repeat(7));
    expect(hex(written.subarray(72))).toBe("0000803f000000400000404000008040");
  });

  test("is read, padded or not", async () => {
    for (const file of [written, rawSafetensors(text, data)]) {
      const source = memorySource("w.safetensors", file);
      const { tensors, dataBegin } = await readHeader(source);
      expect([...tensors.values()]).toEqual([
        { name: "w", dtype: "F32", shape: [2, 2], begin: dataBegin, end: dataBegin + 16 },
      ]);
      const all = await readAll(source, ["w"], 8);
      expect(toFloat32(all.tensors.get("w")!, "F32")).toEqual(Float32Array.of(1, 2, 3, 4));
    }
  });

  const longer = Uint8Array.from(written);
  longer[0] = 0x41;
  test.each([
    ["N + 1", longer],
    ["end 15", rawSafetensors(text.replace("16]", "15]"), data)],
    ["begin 4, end 20", rawSafetensors(text.replace("[0,16]", "[4,20]"), data)],
    ["shape [2,3]", rawSafetensors(text.replace("[2,2]", "[2,3]"), data)],
    ["one more byte", rawSafetensors(text, join([data, new Uint8Array(1)]))],
    ["dtype F33", rawSafetensors(text.replace("F32", "F33"), data)],
  ])("is refused with %s", async (_name, file) => {
    await expect(readHeader(memorySource("w.safetensors", file))).rejects.toBeInstanceOf(LabError);
  });
});

describe("what is legal", () => {
  test("no tensors, an empty tensor, rank 0, metadata, spaces after the header", async () => {
    expect((await readHeader(safetensorsSource("{}      "))).tensors.size).toBe(0);
    const text =
      '{"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{"format":"pt"},' +
      '"empty":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]}}';
    const { tensors, metadata } = await readHeader(safetensorsSource(text, 4));
    expect([...tensors.keys()]).toEqual(["scalar", "empty"]);
    expect([...metadata]).toEqual([["format", "pt"]]);
  });

  test("names that would mean something to an object are plain names", async () => {
    const names = ["__proto__", "constructor", "10", "9", "", "naïve 🙂"];
    const tensors = new Map(
      names.map((name, i): [string, TensorData] => [
        name,
        { dtype: "U8", shape: [1], bytes: Uint8Array.of(i) },
      ]),
    );
    const metadata = new Map([["__proto__", "polluted"]]);
    const source = memorySource("t", join(writeSafetensors(tensors, metadata)));
    const all = await readAll(source, undefined, 8);
    expect(all.tensors).toEqual(new Map(names.map((name, i) => [name, Uint8Array.of(i)])));
    expect([...(await readHeader(source)).metadata]).toEqual([["__proto__", "polluted"]]);
  });

  test("4-bit elements that fill whole bytes are listed, but not streamed", async () => {
    const source = safetensorsSource('{"q":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', 2);
    const header = await readHeader(source);
    expect(header.tensors.get("q")?.dtype).toBe("F4");
    await expect(streamTensors(source, header, ["q"], {}, () => {})).rejects.toThrow("has the dtype F4");
  });
});

describe("streaming", () => {
  const parts = new Map<string, TensorData>(
    [3, 5, 1, 0, 40].map((n, i) => [
      `t${i}`,
      { dtype: "F32", shape: [n], bytes: floats(...Array.from({ length: n }, (_, k) => 100 * i + k)) },
    ]),
  );
  const source = memorySource("t", join(writeSafetensors(parts)));

  test("neighbours share a read, and no read is longer than a chunk", async () => {
    const whole = await readAll(source, undefined, 1 << 20);
    expect(whole).toMatchObject({ nReads: 1, longest: 196 });
    const small = await readAll(source, undefined, 16);
    expect(small.longest).toBe(16);
    for (const [name, { bytes }] of parts) {
      expect(whole.tensors.get(name)).toEqual(bytes);
      expect(small.tensors.get(name)).toEqual(bytes);
    }
  });

  test("what was not asked for is not read", async () => {
    const some = await readAll(source, ["t4", "t0", "t0"], 1 << 20);
    expect(some).toMatchObject({ order: ["t0", "t4"], nReads: 2, longest: 160 });
  });

  test("an unknown name is refused before anything is read", async () => {
    await expect(readAll(source, ["t0", "q"], 8)).rejects.toMatchObject({ code: "not-found" });
  });

  test("never cuts an element, even where bytes before it shift it", async () => {
    const text =
      '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[4],"data_offsets":[3,19]}}';
    const data = join([Uint8Array.of(1, 2, 3), floats(1, 2, 3, 4)]);
    const { tensors } = await readAll(memorySource("t", rawSafetensors(text, data)), undefined, 8);
    expect(toFloat32(tensors.get("b")!, "F32")).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  test("waits for each piece to be taken", async () => {
    let nOpen = 0;
    await streamTensors(source, await readHeader(source), parts.keys(), { chunkBytes: 8 }, async () => {
      expect(++nOpen).toBe(1);
      await Promise.resolve();
      nOpen--;
    });
  });

  test.each([8, 1 << 20])("stops when cancelled, with chunks of %i", async (chunkBytes) => {
    const stop = new AbortController();
    let nChunks = 0;
    const options = { chunkBytes, signal: stop.signal };
    const run = streamTensors(source, await readHeader(source), parts.keys(), options, () => {
      if (++nChunks === 3) stop.abort();
    });
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    expect(nChunks).toBe(3);
  });
});

describe("writing", () => {
  test("equal content gives equal bytes, whatever the order; wide elements come first", async () => {
    const entries: [string, TensorData][] = [
      ["b", { dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
      ["z", { dtype: "F32", shape: [1], bytes: floats(1) }],
      ["a", { dtype: "F16", shape: [1], bytes: new Uint8Array(2) }],
      ["y", { dtype: "F32", shape: [1], bytes: floats(2) }],
    ];
    const meta: [string, string][] = [
      ["format", "pt"],
      ["by", "me"],
    ];
    const one = writeSafetensors(new Map(entries), new Map(meta));
    const two = writeSafetensors(new Map(entries.toReversed()), new Map(meta.toReversed()));
    expect(join(one)).toEqual(join(two));
    expect(one[0]!.length % 8).toBe(0);
    expect([...(await readHeader(memorySource("t", join(one)))).tensors.keys()]).toEqual([
      "y",
      "z",
      "a",
      "b",
    ]);
  });

  test("refuses what could not be read back", () => {
    const write =
      (name: string, shape: number[], meta: [string, string][] = []) =>
      () =>
        writeSafetensors(new Map([[name, { dtype: "F32", shape, bytes: floats(1) }]]), new Map(meta));
    expect(write("w", [2])).toThrow("4 bytes are not F32 [2]");
    expect(write("w", [-1, -1])).toThrow("4 bytes are not F32 [-1,-1]");
    expect(write("__metadata__", [1])).toThrow("cannot be named __metadata__");
    expect(write("\ud800", [1])).toThrow("half a surrogate pair");
    expect(write("w", [1], [["k", "\udc00"]])).toThrow("half a surrogate pair");
  });
});

/** A few tensors of any dtype that fills bytes, of small shapes, under any well-formed names. */
const anyTensors = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => name !== "__metadata__"),
      dtype: fc.constantFrom<Dtype>("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3"),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
      seed: fc.nat(255),
    }),
    { selector: (tensor) => tensor.name, maxLength: 6 },
  )
  .map(
    (list) =>
      new Map(
        list.map(({ name, dtype, shape, seed }): [string, TensorData] => {
          const n = shape.reduce((product, extent) => product * extent, bitsOf(dtype) / 8);
          return [name, { dtype, shape, bytes: Uint8Array.from({ length: n }, (_, i) => seed + 7 * i) }];
        }),
      ),
  );
const anyMetadata = fc
  .array(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), { maxLength: 3 })
  .map((pairs) => new Map(pairs));

describe("properties", { timeout: 60_000 }, () => {
  test("what was written is read back", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, anyMetadata, fc.nat(64), async (tensors, metadata, chunkBytes) => {
        const source = memorySource("t", join(writeSafetensors(tensors, metadata)));
        const header = await readHeader(source);
        expect(header.metadata).toEqual(metadata);
        const read = await readAll(source, undefined, chunkBytes);
        expect(read.tensors.size).toBe(tensors.size);
        for (const [name, { dtype, shape, bytes }] of tensors) {
          expect(header.tensors.get(name)).toMatchObject({ dtype, shape });
          expect(read.tensors.get(name)).toEqual(bytes);
        }
      }),
    );
  });

  test("a header with one byte changed gives the same places or a LabError", async () => {
    const places = (header: Awaited<ReturnType<typeof readHeader>>): string[] =>
      [...header.tensors.values()]
        .filter(({ begin, end }) => end > begin)
        .map(({ begin, end }) => `${begin}-${end}`);
    let nRefused = 0;
    let nRead = 0;
    await fc.assert(
      fc.asyncProperty(
        anyTensors,
        anyMetadata,
        fc.nat(),
        fc.nat(255),
        async (tensors, metadata, at, byte) => {
          const file = join(writeSafetensors(tensors, metadata));
          const before = await readHeader(memorySource("t", file));
          file[at % before.dataBegin] = byte;
          try {
            expect(places(await readHeader(memorySource("t", file)))).toEqual(places(before));
            nRead++;
          } catch (error) {
            if (!(error instanceof LabError)) throw error;
            nRefused++;
          }
        },
      ),
      { numRuns: 500, seed: 1 },
    );
    // Both ways were taken: most changes break the header, those inside a name or in metadata need not.
    expect(nRefused).toBeGreaterThan(250);
    expect(nRead).toBeGreaterThan(5);
  });
});
