import { describe, expect, test } from "vitest";
import { expectClose, exact } from "../../lib/testing/close.ts";
import { floats } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { concatColumns, concatColumnsTwin, sliceColumns, sliceColumnsTwin } from "./columns.ts";

/** rows, widths of the parts */
const cases = [
  [1, [1]],
  [7, [3, 1, 5]],
  [2, [64, 65]],
  [66001, [1, 2]],
] as const;

describe("columns", () => {
  test.each(cases)("%i rows of parts %j: slices, concatenation and their gradients, exactly", async (nRows, widths) => {
    const gpu = await testGpu();
    const values = widths.map((n, i) => floats(nRows * n, i));
    const width = widths.reduce((a, b) => a + b, 0);
    const parts = values.map((x, i) => gpu.upload(x, [nRows, widths[i]!], `part ${i}`));
    const dys = floats(nRows * width, 9);
    const dy = gpu.upload(dys, [nRows, width], "dy");
    const whole = concatColumnsTwin(values.map((x, i) => [x, widths[i]!]));
    const from = Math.floor(width / 3);
    const whole32 = gpu.upload(Float32Array.from(whole), [nRows, width], "whole");
    const [joined, slice, dWhole, ...dParts] = await evaluate(gpu, (r) => {
      r.track(...parts, whole32);
      const y = concatColumns(r, parts);
      const cut = sliceColumns(r, whole32, from, width);
      return [y, cut, ...r.gradientsFrom(cut, cut, [whole32]), ...r.gradientsFrom(y, dy, parts)];
    });
    expectClose(joined!, whole, exact, "concatenation");
    expectClose(slice!, sliceColumnsTwin(whole, width, from, width), exact, "slice");
    expectClose(dWhole!, whole.map((x, i) => (i % width >= from ? x : 0)), exact, "gradient of the slice");
    let first = 0;
    widths.forEach((n, i) => {
      expectClose(dParts[i]!, sliceColumnsTwin(dys, width, first, first + n), exact, `gradient of part ${i}`);
      first += n;
    });
    gpu.free(...parts, dy, whole32);
  });

  test("refuses columns that are not there and parts of different heights", async () => {
    const gpu = await testGpu();
    const [a, b] = [gpu.upload(floats(6, 1), [2, 3], "a"), gpu.upload(floats(3, 1), [1, 3], "b")];
    const outside = await refusal(gpu, (r) => [sliceColumns(r, a, 2, 4)]);
    expect(outside.message).toBe("sliceColumns: columns 2 to 4 of x [2,3], expected 0 ≤ from < to ≤ 3");
    const uneven = await refusal(gpu, (r) => [concatColumns(r, [a, b])]);
    expect(uneven.message).toBe("concatColumns: part 1 is [1,3], part 0 is [2,3]; all axes but the last must be equal");
    gpu.free(a, b);
  });
});
