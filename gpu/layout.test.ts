import fc from "fast-check";
import { expect, test } from "vitest";
import { layOut, type Lifetime } from "./layout.ts";

const life = (bytes: number, first: number, last: number): Lifetime => ({ bytes, first, last });

const lifetimes = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 64 }), fc.nat(20), fc.nat(10))
    .map(([kb, first, length]) => life(kb * 256, first, first + length)),
  { maxLength: 40 },
);

const overlap = (a: Lifetime, b: Lifetime): boolean => a.first <= b.last && b.first <= a.last;

test("no two blocks that live at once share a slot, and each fits its slot", () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const { slots, slotBytes } = layOut(all);
      all.forEach((a, i) => {
        expect(slotBytes[slots[i]!]).toBeGreaterThanOrEqual(a.bytes);
        const clashes = all.filter((b, j) => j !== i && slots[i] === slots[j] && overlap(a, b));
        expect(clashes).toEqual([]);
      });
    }),
  );
});

test("slots together are never more than all blocks, nor less than what lives at once", () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const total = layOut(all).slotBytes.reduce((a, b) => a + b, 0);
      const alive = (t: number) =>
        all.reduce((sum, l) => sum + (l.first <= t && t <= l.last ? l.bytes : 0), 0);
      expect(total).toBeLessThanOrEqual(all.reduce((sum, l) => sum + l.bytes, 0));
      expect(total).toBeGreaterThanOrEqual(Math.max(...Array.from({ length: 31 }, (_, t) => alive(t))));
    }),
  );
});

test.each([
  ["nothing", [], 0],
  [
    "a chain: two blocks at any time",
    [life(512, 0, 1), life(512, 1, 2), life(512, 2, 3), life(512, 3, 4)],
    1024,
  ],
  [
    "one block kept to the end beside a chain",
    [life(1024, 0, 9), life(256, 1, 2), life(256, 2, 3), life(256, 3, 4)],
    1536,
  ],
  [
    "small blocks one after the other in a large one's place",
    [life(1024, 0, 1), life(256, 2, 3), life(512, 4, 5)],
    1024,
  ],
  ["all alive at once", [life(256, 0, 5), life(512, 2, 3), life(1024, 3, 3)], 1792],
  ["a last use and a first use in one step", [life(256, 0, 3), life(256, 3, 5)], 512],
] as const)("worked case: %s", (_, all, bytes) => {
  expect(layOut(all).slotBytes.reduce((a, b) => a + b, 0)).toBe(bytes);
});
