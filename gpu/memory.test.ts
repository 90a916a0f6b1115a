import { describe, expect, test } from "vitest";
import { Memory, roundedSize } from "./memory.ts";

/** A device that only makes buffers and remembers which were destroyed. */
function fakeDevice(maxBufferSize = 2 ** 30) {
  const destroyed: string[] = [];
  const device = {
    limits: { maxBufferSize, maxStorageBufferBindingSize: maxBufferSize / 2 },
    createBuffer: ({ size, label }: { size: number; label: string }) => ({
      size,
      label,
      destroy: () => destroyed.push(label),
    }),
  } as unknown as GPUDevice;
  return { memory: new Memory(device), destroyed };
}

describe("Memory", () => {
  test("counts what is created and destroyed, by kind, and the peak", () => {
    const { memory, destroyed } = fakeDevice();
    const a = memory.create(1000, "weights", "a");
    const b = memory.create(24, "cache", "b");
    memory.destroy(a);
    memory.destroy(a);
    expect(destroyed).toEqual(["a"]);
    expect(memory.report()).toMatchObject({ bytes: 24, peakBytes: 1024, pooledBytes: 0 });
    expect(memory.report().byKind).toMatchObject({ weights: 0, cache: 24 });
    memory.destroy(b);
    expect(memory.report().bytes).toBe(0);
  });

  test("a buffer given back is taken again for any size that rounds to its own", () => {
    const { memory } = fakeDevice();
    const a = memory.take(1000, "a");
    memory.give(a);
    expect(memory.report()).toMatchObject({ bytes: 1024, pooledBytes: 1024 });
    expect(memory.take(1020, "b")).toBe(a);
    expect(memory.report()).toMatchObject({ bytes: 1024, pooledBytes: 0 });
    expect(memory.take(1020, "c")).not.toBe(a);
    expect(memory.report()).toMatchObject({ bytes: 2048, byKind: { activations: 2048 } });
  });

  test("the pool has an end, and trimming empties it", () => {
    const { memory, destroyed } = fakeDevice();
    const large = ["a", "b", "c"].map((label) => memory.take(32 * 2 ** 20, label));
    for (const buffer of large) memory.give(buffer);
    expect(destroyed).toEqual(["c"]);
    expect(memory.report()).toMatchObject({ bytes: 2 ** 26, pooledBytes: 2 ** 26 });
    memory.trim();
    expect(memory.report()).toMatchObject({ bytes: 0, pooledBytes: 0 });
    expect(destroyed).toEqual(["c", "a", "b"]);
  });

  test("refuses a buffer beyond the device's limits, and counts nothing", () => {
    const { memory } = fakeDevice(4096);
    expect(() => memory.create(2052, "weights", "w")).toThrow(
      "w needs 2052 bytes in one buffer; this device allows 2048",
    );
    expect(memory.report().bytes).toBe(0);
  });
});

test("rounded sizes: at least what was asked, at most a quarter more, and their own rounding", () => {
  for (let bytes = 1; bytes < 100_000; bytes += 37) {
    const size = roundedSize(bytes);
    expect(size >= bytes && size % 4 === 0 && roundedSize(size) === size).toBe(true);
    expect(size <= Math.max(256, bytes * 1.25)).toBe(true);
  }
  expect([1, 256, 257, 320, 321, 1025].map(roundedSize)).toEqual([256, 256, 320, 320, 384, 1280]);
});
