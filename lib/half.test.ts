import { describe, expect, test } from "vitest";
import { bfloat16ToFloat, floatToHalf, halfToFloat } from "./half.ts";
import { exact, expectClose, printed } from "./testing/close.ts";

const toHalf = (...values: number[]): number[] => [...floatToHalf(Float32Array.from(values))];
const toFloat = (...bits: number[]): number[] => [...halfToFloat(Uint16Array.from(bits))];

test("known halves", () => {
  expectClose(toFloat(0x3c00, 0xc000, 0x7bff, 0x0400), [1, -2, 65504, 2 ** -14], exact);
  expectClose(toFloat(0x3555), [0.333251953], printed(9));
  expectClose(toFloat(0x0001, 0x03ff), [2 ** -24, 1023 * 2 ** -24], exact);
  expect(Object.is(toFloat(0x8000)[0], -0)).toBe(true);
  expect(toFloat(0x7c00, 0xfc00, 0x7e00)).toEqual([Infinity, -Infinity, NaN]);
});

test("all 65,536 come back as they were; every NaN stays one", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const back = floatToHalf(halfToFloat(all));
  const isNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
  const changed = all.filter((bits, i) => (isNaN(bits) ? !isNaN(back[i]!) : back[i] !== bits));
  expect([...changed]).toEqual([]);
});

describe("rounding", () => {
  test("halfway goes to the even neighbour, for every pair of neighbours", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [below, above] = toFloat(bits, bits + 1) as [number, number];
      const middle = (below + above) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const got = toHalf(middle, -middle, middle * (1 - 2 ** -20), middle * (1 + 2 ** -20));
      const want = [even, even | 0x8000, bits, bits + 1];
      if (got.join() !== want.join()) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  test("overflow from halfway beyond the largest on; underflow up to halfway to the smallest", () => {
    expect(toHalf(65519.99, 65520, -65520, 1e30, Infinity, -Infinity)).toEqual([
      0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x7c00, 0xfc00,
    ]);
    expect(toHalf(2 ** -25, 2 ** -25 * 1.001, -(2 ** -26), 0, -0)).toEqual([0, 1, 0x8000, 0, 0x8000]);
  });
});

test("bfloat16", () => {
  expectClose(bfloat16ToFloat(Uint16Array.of(0x3f80, 0xc049)), [1, -3.140625], exact);
});
