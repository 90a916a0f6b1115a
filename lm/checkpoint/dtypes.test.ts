import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatToHalf } from "../../lib/half.ts";
import { type Dtype, bitsOf, isDtype, toFloat32 } from "./dtypes.ts";

/** 16-bit patterns as little-endian bytes. */
const halves = (...bits: number[]): Uint8Array => new Uint8Array(Uint16Array.from(bits).buffer);

describe("halves to floats", () => {
  test.each([
    ["one", 0x3c00, 1],
    ["a third, nearly", 0x3555, 1365 / 4096],
    ["smallest subnormal", 0x0001, 2 ** -24],
    ["largest subnormal", 0x03ff, 1023 * 2 ** -24],
    ["smallest normal", 0x0400, 2 ** -14],
    ["largest", 0x7bff, 65504],
    ["minus zero", 0x8000, -0],
    ["minus two", 0xc000, -2],
    ["infinity", 0x7c00, Infinity],
    ["minus infinity", 0xfc00, -Infinity],
    ["not a number", 0x7e00, Number.NaN],
    ["not a number, signalling", 0x7c01, Number.NaN],
  ])("F16 %s", (_name, bits, value) => {
    expect(toFloat32(halves(bits), "F16")[0]).toBe(value);
  });

  test.each([
    ["one", 0x3f80, 1],
    ["minus π, nearly", 0xc049, -3.140625],
    ["subnormal", 0x0001, 2 ** -133],
    ["minus zero", 0x8000, -0],
    ["infinity", 0x7f80, Infinity],
    ["not a number", 0xffc0, Number.NaN],
  ])("BF16 %s", (_name, bits, value) => {
    expect(toFloat32(halves(bits), "BF16")[0]).toBe(value);
  });

  test("every half is itself after the way to a float and back", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    const back = floatToHalf(toFloat32(new Uint8Array(all.buffer), "F16") as Float32Array<ArrayBuffer>);
    expect(back.findIndex((bits, i) => (isNaN16(i) ? !isNaN16(bits) : bits !== i))).toBe(-1);
  });

  test.each([
    ["a tie goes to the even one, down", 1 + 2 ** -11, 0x3c00],
    ["a tie goes to the even one, up", 1 + 3 * 2 ** -11, 0x3c02],
    ["just above a tie", 1 + 2 ** -11 + 2 ** -23, 0x3c01],
    ["below the tie to infinity", 65519.99609375, 0x7bff],
    ["the tie to infinity", 65520, 0x7c00],
    ["tie at half the smallest subnormal", 2 ** -25, 0x0000],
    ["just above it", 2 ** -25 + 2 ** -48, 0x0001],
    ["tie among subnormals", 3 * 2 ** -25, 0x0002],
    ["largest subnormal rounds into the normals", 2047 * 2 ** -25, 0x0400],
    ["minus zero", -0, 0x8000],
    ["far too small", -(2 ** -140), 0x8000],
    ["minus infinity", -Infinity, 0xfc00],
  ])("float to F16: %s", (_name, value, bits) => {
    expect(floatToHalf(Float32Array.of(value))[0]).toBe(bits);
  });
});

describe("toFloat32", { timeout: 60_000 }, () => {
  test("reads from any address, into a place of the output", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 64 }),
        fc.constantFrom<Dtype>("F32", "F16", "BF16"),
        fc.nat(9),
        fc.nat(5),
        (content, dtype, address, place) => {
          const itemBytes = bitsOf(dtype) / 8;
          const bytes = content.subarray(0, content.length - (content.length % itemBytes));
          const moved = new Uint8Array(address + bytes.length);
          moved.set(bytes, address);
          const n = bytes.length / itemBytes;
          const out = new Float32Array(place + n + 1).fill(7);
          toFloat32(moved.subarray(address), dtype, out, place);
          const plain = toFloat32(bytes.slice(), dtype);
          expect(out).toEqual(Float32Array.from([...Array(place).fill(7), ...plain, 7]));
          if (dtype !== "F32") return;
          const view = new DataView(bytes.slice().buffer);
          expect(plain).toEqual(Float32Array.from({ length: n }, (_, i) => view.getFloat32(4 * i, true)));
        },
      ),
    );
  });

  test("refuses integers, half elements, and outputs that are too small", () => {
    expect(() => toFloat32(new Uint8Array(8), "I64")).toThrow("dtype I64: the lab reads F32, F16 and BF16");
    expect(() => toFloat32(new Uint8Array(7), "F32")).toThrow("7 bytes are no whole F32");
    expect(() => toFloat32(new Uint8Array(8), "F32", new Float32Array(2), 1)).toThrow("2 elements from 1 on");
  });

  test("a type is a word of the list, not a property of every object", () => {
    expect(["F32", "F6_E3M2", "f32", "toString", "__proto__", 7].map(isDtype)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
