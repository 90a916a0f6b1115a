import { expect, test } from "vitest";
import { hashString, normalAt, pcg4d, Random, uniformAt, unitFloat } from "./random.ts";
import { expectClose, sampleMean } from "./testing/close.ts";

/** pcg4d once more, from the paper, in whole numbers without a size. */
function pcg4dBig(...words: number[]): number[] {
  const mask = 0xffffffffn;
  let [x, y, z, w] = words.map((word) => (BigInt(word) * 1664525n + 1013904223n) & mask) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const mix = (): void => {
    x = (x + y * w) & mask;
    y = (y + z * x) & mask;
    z = (z + x * y) & mask;
    w = (w + y * z) & mask;
  };
  mix();
  [x, y, z, w] = [x ^ (x >> 16n), y ^ (y >> 16n), z ^ (z >> 16n), w ^ (w >> 16n)];
  mix();
  return [x, y, z, w].map(Number);
}

test("pcg4d against the same arithmetic in BigInt", () => {
  const words = [0, 1, 2, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 123456789];
  for (const a of words)
    for (const b of words) expect(pcg4d(a, b, a ^ 5, 7)).toEqual(pcg4dBig(a, b, (a ^ 5) >>> 0, 7));
});

test("uniform: in [0, 1) with 24 bits; mean and variance", () => {
  const n = 200_000;
  const draws = Float64Array.from({ length: n }, (_, i) => uniformAt(1, 2, i));
  expect(draws.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 24))).toBe(true);
  expect(unitFloat(0xffffffff)).toBe(1 - 2 ** -24);
  expectClose(draws.reduce((a, b) => a + b, 0) / n, 1 / 2, sampleMean(Math.sqrt(1 / 12), n));
  expectClose(draws.reduce((a, b) => a + (b - 1 / 2) ** 2, 0) / n, 1 / 12, sampleMean(Math.sqrt(1 / 180), n));
});

test("normal: mean, variance and the share within one deviation", () => {
  const n = 200_000;
  const draws = Float64Array.from({ length: n }, (_, i) => normalAt(1, 2, i));
  expectClose(draws.reduce((a, b) => a + b, 0) / n, 0, sampleMean(1, n));
  expectClose(draws.reduce((a, b) => a + b * b, 0) / n, 1, sampleMean(Math.SQRT2, n));
  expect(draws.every((x) => Math.abs(x) <= 6)).toBe(true);
});

test("seeds, streams and indices are told apart; a Random repeats itself", () => {
  const values = [uniformAt(1, 2, 3), uniformAt(2, 2, 3), uniformAt(1, 3, 3), uniformAt(1, 2, 4)];
  expect(new Set(values).size).toBe(4);
  const draw = (random: Random) => Array.from({ length: 9 }, () => random.next());
  expect(draw(new Random(5, "a"))).toEqual(draw(new Random(5, "a")));
  expect(draw(new Random(5, "a"))).not.toEqual(draw(new Random(5, "b")));
});

test("int stays in range and reaches every value alike; shuffle keeps the items; sample takes distinct ones", () => {
  const random = new Random(3, "test");
  const n = 60_000;
  const counts = new Float64Array(6);
  for (let i = 0; i < n; i++) counts[random.int(6)]! += 1 / n;
  expectClose(counts, new Float64Array(6).fill(1 / 6), sampleMean(Math.sqrt(5) / 6, n));
  const items = Array.from({ length: 50 }, (_, i) => i);
  expect(random.shuffle(items).sort((a, b) => a - b)).toEqual(items);
  expect(new Set(random.sample(items, 20)).size).toBe(20);
});

test("names hash to the published FNV-1a values", () => {
  expect([hashString(""), hashString("a"), hashString("foobar")]).toEqual([
    0x811c9dc5, 0xe40c292c, 0xbf9cf968,
  ]);
});
