import { describe, expect, test } from "vitest";
import {
  builtin,
  exact,
  expectClose,
  f16Ulp,
  f32Ulp,
  firstMismatch,
  float64,
  gamma,
  gradientTwin,
  lossCurve,
  modelLogits,
  printed,
  sampleMean,
  storedAsF16,
  sumBound,
  sums,
  TINY,
  U,
} from "./close.ts";

const one = () => 1;

describe("the comparator must fail", () => {
  test("on NaN where a number is due", () => {
    expect(firstMismatch([0, NaN], [0, 0], one)).toEqual({ index: 1, actual: NaN, expected: 0, bound: 1 });
  });
  test("on NaN even under an infinite bound", () => {
    expect(firstMismatch([NaN], [0], () => Infinity)?.index).toBe(0);
  });
  test("on an infinity even under an infinite bound", () => {
    expect(firstMismatch([Infinity], [0], () => Infinity)?.index).toBe(0);
  });
  test("on a bound that is NaN", () => {
    expect(firstMismatch([0], [0], () => NaN)?.index).toBe(0);
  });
  test("on a number where NaN or an infinity is due, and on the wrong infinity", () => {
    expect(firstMismatch([0], [NaN], one)?.index).toBe(0);
    expect(firstMismatch([1e38], [Infinity], one)?.index).toBe(0);
    expect(firstMismatch([-Infinity], [Infinity], one)?.index).toBe(0);
  });
  test("on different lengths, either way", () => {
    expect(firstMismatch([1], [1, 2], one)?.index).toBe(-1);
    expect(firstMismatch([1, 2], [1], one)?.index).toBe(-1);
    expect(firstMismatch([], [1], one)?.index).toBe(-1);
  });
  test("one step beyond the bound, in either direction", () => {
    expect(firstMismatch([2 ** -10 + 2 ** -30], [0], () => 2 ** -10)?.index).toBe(0);
    expect(firstMismatch([-(2 ** -10) - 2 ** -30], [0], () => 2 ** -10)?.index).toBe(0);
  });
  test("at the first of several", () => {
    expect(firstMismatch([0, 5, 9], [0, 0, 0], one)?.index).toBe(1);
  });
  test("on one flipped bit under `exact`", () => {
    expect(firstMismatch([1 + 2 ** -52], [1], exact)?.index).toBe(0);
  });
});

describe("the comparator passes", () => {
  test("at the bound itself, and asks the bound of that very index", () => {
    expect(firstMismatch([1, 2, 4], [0, 0, 0], (i) => 2 ** i)).toBeNull();
  });
  test("non-finite values that are met", () => {
    expect(firstMismatch([NaN, Infinity, -Infinity], [NaN, Infinity, -Infinity], exact)).toBeNull();
  });
  test("zeros of either sign, typed arrays, empty arrays", () => {
    expect(firstMismatch(new Float32Array([-0]), [0], exact)).toBeNull();
    expect(firstMismatch([], [], exact)).toBeNull();
  });
});

describe("expectClose", () => {
  test("says what, where, both values, the difference and the bound", () => {
    expect(() => expectClose([1, 2.5], [1, 2], () => 0.25, "logits")).toThrow(
      "logits[1]: got 2.5, expected 2; they differ by 0.5, allowed 0.25",
    );
  });
  test("names both lengths", () => {
    expect(() => expectClose([1], [1, 2], exact, "ids")).toThrow("ids: got 1 numbers, expected 2");
  });
  test("takes plain numbers, and a number as the bound", () => {
    expectClose(1.5, 1, 0.5);
    expect(() => expectClose(1.5, 1, 0.25)).toThrow("value[0]");
    expect(() => expectClose(NaN, 1, 1)).toThrow("got NaN");
  });
});

describe("bounds", () => {
  test("gamma is k·u/(1−k·u), grows faster than k, and refuses too many terms", () => {
    expect(gamma(0)).toBe(0);
    expect(gamma(1)).toBe(U / (1 - U));
    expect(gamma(2 ** 22)).toBe(1);
    expect(gamma(2048)).toBeGreaterThan(2048 * U);
    expect(() => gamma(2 ** 23)).toThrow("too many");
    expect(() => gamma(NaN)).toThrow("too many");
  });
  test("sumBound adds flushed subnormals", () => {
    expect(sumBound(4, 0)).toBe(4 * TINY);
    expect(sumBound(2 ** 22, 3)).toBe(3 + 2 ** 22 * TINY);
    expect(sums(4, [0, 8])(1)).toBe(sumBound(4, 8));
  });
  test("sumBound holds for f32 sums in any order, and is not a thousand times too wide", () => {
    const terms = Array.from({ length: 256 }, (_, i) => Math.fround(Math.sin(i * i) * 3));
    const truth = terms.reduce((a, b) => a + b, 0);
    const abs = terms.reduce((a, b) => a + Math.abs(b), 0);
    let forward = 0;
    let backward = 0;
    for (let i = 0; i < 256; i++) forward = Math.fround(forward + terms[i]!);
    for (let i = 255; i >= 0; i--) backward = Math.fround(backward + terms[i]!);
    expectClose([forward, backward], [truth, truth], () => sumBound(256, abs));
    expect(() => expectClose(truth + abs * 256 * U * 2, truth, sumBound(256, abs))).toThrow("allowed");
  });
  test("ULPs are the gaps between neighbours", () => {
    expect(f32Ulp(1)).toBe(2 ** -23);
    expect(f32Ulp(1.999)).toBe(2 ** -23);
    expect(f32Ulp(-2)).toBe(2 ** -22);
    expect(f32Ulp(0)).toBe(2 ** -149);
    expect(f32Ulp(2 ** -140)).toBe(2 ** -149);
    expect(f32Ulp(2 ** -126)).toBe(2 ** -149);
    expect(f16Ulp(1)).toBe(2 ** -10);
    expect(f16Ulp(0.9999)).toBe(2 ** -11);
    expect(f16Ulp(-65504)).toBe(32);
    expect(f16Ulp(0)).toBe(2 ** -24);
    expect(f16Ulp(2 ** -14)).toBe(2 ** -24);
    expect(() => f16Ulp(NaN)).toThrow("NaN");
    expect(() => f32Ulp(Infinity)).toThrow("Infinity");
  });
  test("a power of two and the double just below it are a factor 2 apart", () => {
    for (let e = -100; e <= 100; e++) {
      expect(f32Ulp(2 ** e)).toBe(2 ** (e - 23));
      expect(f32Ulp(2 ** e * (1 - 2 ** -53))).toBe(2 ** (e - 24));
    }
  });
  test("built-ins", () => {
    expect(builtin.divide(1)).toBe(2.5 * U + TINY);
    expect(builtin.inverseSqrt(2)).toBe(4 * U + TINY);
    expect(builtin.sqrt(1)).toBe(4.5 * U + TINY);
    expect(builtin.exp(-4, 1)).toBe(11 * U + TINY);
    expect(builtin.exp(4, 1)).toBe(11 * U + TINY);
    expect(builtin.log(1, 0)).toBe(2 ** -21);
    expect(builtin.log(0.5, -0.7)).toBe(2 ** -21);
    expect(builtin.log(8, 2)).toBe(6 * U + TINY);
    expect(builtin.tanh()).toBe(1e-5);
  });
  test("f16 storage adds one ULP of the output to what the computation may err", () => {
    expect(storedAsF16([1, 2])(1)).toBe(2 ** -9);
    expect(storedAsF16([1], () => 1)(0)).toBe(1 + 2 ** -10);
  });
  test("agreed relative bounds", () => {
    expect(gradientTwin([1, -4])(0)).toBe(4e-6);
    expect(gradientTwin([0, 0], 2)(0)).toBe(2e-6);
    expect(gradientTwin([0, 0])(0)).toBe(0);
    expect(modelLogits(2)).toBe(2e-3);
    expect(lossCurve([2, -8])(1)).toBe(8e-3);
  });
  test("printed digits, doubles, sample means", () => {
    expect(printed(0)).toBe(0.5);
    expectClose(0.3333, 1 / 3, printed(4));
    expect(() => expectClose(0.3332, 1 / 3, printed(4))).toThrow("allowed");
    expect(float64(10, 1)).toBe(10 * 2 ** -52);
    expectClose(0.1 + 0.2, 0.3, float64(2, 0.3));
    expect(sampleMean(2, 100)).toBe(1);
  });
});
