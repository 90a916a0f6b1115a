import { describe, expect, test } from "vitest";
import { exact, expectClose } from "../../lib/testing/close.ts";
import { attentionTuning } from "../decode_tuning.ts";
import { floats, integers } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { decodeAttention, decodeAttentionTwin, decodePattern, decodePatternTwin } from "./decode_attention.ts";
import { attentionBound, patternBound } from "./decode_kernels.bounds.ts";
import { type Tuning, tunedGpu } from "../testing/decode.ts";

/** [nBatch, nHead, nKvHead, dHead] */
const shapes = [[1, 1, 1, 1], [1, 4, 2, 8], [3, 6, 2, 7], [2, 8, 1, 64], [5, 2, 2, 6]] as const;
const lengths = [1, 2, 63, 64, 65, 511] as const;
const nSlots = 512;

async function run(
  [nBatch, nHead, nKvHead, dHead]: readonly [number, number, number, number],
  length: number,
  inputs: { readonly q: Float32Array; readonly k: Float32Array; readonly v: Float32Array },
  tuning: Tuning = "own",
): Promise<Float32Array[]> {
  const gpu = await tunedGpu(tuning);
  const shape = [nBatch, nKvHead, inputs.k.length / (nBatch * nKvHead * dHead), dHead];
  const [q, k, v] = [gpu.upload(inputs.q, [nBatch, nHead * dHead], "q"), gpu.upload(inputs.k, shape, "k"), gpu.upload(inputs.v, shape, "v")];
  const heads = { nHead, nKvHead, dHead };
  const results = await evaluate(gpu, (r) => [
    decodeAttention(r, q, k, v, { ...heads, position: length - 1 }),
    decodeAttention(r, q, k, v, { ...heads, length }),
    decodePattern(r, q, k, { ...heads, position: length - 1 }),
  ]);
  gpu.free(q, k, v);
  return results;
}

describe("decodeAttention", () => {
  // A power of two of equal scores: every weight is exactly 1 before the division, the quotient exact.
  test.each(shapes.flatMap((shape) => [1, 2, 64, 256].map((length) => [...shape, length] as const)))(
    "B%i H%i K%i D%i: uniform scores over %i positions give the mean of integers, exactly",
    async (nBatch, nHead, nKvHead, dHead, length) => {
      const k = new Float32Array(nBatch * nKvHead * nSlots * dHead);
      const v = integers(k.length, 1, 100).map((n) => n * length);
      const shape = [nBatch, nHead, nKvHead, dHead] as const;
      const q = integers(nBatch * nHead * dHead, 2);
      const [y, byLength, p] = await run(shape, length, { q, k, v });
      const expected = decodeAttentionTwin(q, k, v, nSlots, { nHead, nKvHead, dHead, length });
      expectClose(y!, expected, exact);
      expectClose(byLength!, expected, exact);
      expectClose(p!, decodePatternTwin(q, k, nSlots, { nHead, nKvHead, dHead, length }), exact);
    },
  );

  test.each(shapes.flatMap((shape) => lengths.map((length) => [...shape, length] as const)))(
    "B%i H%i K%i D%i over %i positions against the twin",
    async (nBatch, nHead, nKvHead, dHead, length) => {
      const gpu = await testGpu();
      const shape = [nBatch, nHead, nKvHead, dHead] as const;
      const [q, k] = [floats(nBatch * nHead * dHead, 3), floats(nBatch * nKvHead * nSlots * dHead, 4)];
      const v = floats(k.length, 5);
      const heads = { nHead, nKvHead, dHead, length };
      const nChunks = Math.ceil(length / attentionTuning(gpu.adapter, dHead).CHUNK);
      const [y, , p] = await run(shape, length, { q, k, v });
      expectClose(y!, decodeAttentionTwin(q, k, v, nSlots, heads), attentionBound(q, k, v, nSlots, heads, nChunks), "y");
      expectClose(p!, decodePatternTwin(q, k, nSlots, heads), patternBound(q, k, nSlots, heads), "p");
    },
  );

  test.each([
    ["own", "rising", 1],
    ["own", "falling", -1],
    ["hardware", "rising", 1],
    ["hardware", "falling", -1],
  ] as const)("%s tuning, %s scores from −80 to 80 over several chunks", async (tuning, _, sign) => {
    const gpu = await tunedGpu(tuning);
    const [nHead, nKvHead, dHead, length] = [2, 1, 4, 1023];
    const q = new Float32Array(nHead * dHead).fill(1);
    const k = Float32Array.from({ length: 2 * nSlots * dHead }, (_, i) => sign * 40 * ((2 * Math.floor(i / dHead)) / (length - 1) - 1));
    const v = floats(k.length, 6);
    const heads = { nHead, nKvHead, dHead, length };
    const nChunks = Math.ceil(length / attentionTuning(gpu.adapter, dHead).CHUNK);
    const [y, , p] = await run([1, nHead, nKvHead, dHead], length, { q, k, v }, tuning);
    expectClose(y!, decodeAttentionTwin(q, k, v, 2 * nSlots, heads), attentionBound(q, k, v, 2 * nSlots, heads, nChunks), "y");
    expectClose(p!, decodePatternTwin(q, k, 2 * nSlots, heads), patternBound(q, k, 2 * nSlots, heads), "p");
  });

  test.each([1, 2, 129, 511])("hardware tuning, B3 H6 K2 D12 over %i positions against the twin", async (length) => {
    const gpu = await tunedGpu("hardware");
    const [nHead, nKvHead, dHead] = [6, 2, 12];
    const [q, k] = [floats(3 * nHead * dHead, 8), floats(3 * nKvHead * nSlots * dHead, 9)];
    const v = floats(k.length, 10);
    const heads = { nHead, nKvHead, dHead, length };
    const nChunks = Math.ceil(length / attentionTuning(gpu.adapter, dHead).CHUNK);
    const [y] = await run([3, nHead, nKvHead, dHead], length, { q, k, v }, "hardware");
    expectClose(y!, decodeAttentionTwin(q, k, v, nSlots, heads), attentionBound(q, k, v, nSlots, heads, nChunks));
  });

  test("a score of 80 among −80 takes everything", async () => {
    const q = new Float32Array(4).fill(1);
    const k = new Float32Array(nSlots * 4).fill(-40);
    k.fill(40, 300 * 4, 301 * 4);
    const v = integers(nSlots * 4, 7);
    const [y] = await run([1, 1, 1, 4], 400, { q, k, v });
    expectClose(y!, v.subarray(300 * 4, 301 * 4), exact);
  });

  test("refuses a length outside the cache", async () => {
    const gpu = await testGpu();
    const [q, k, v] = [gpu.zeros([1, 4], "f32", "q"), gpu.zeros([1, 1, 3, 4], "f32", "k"), gpu.zeros([1, 1, 3, 4], "f32", "v")];
    const heads = { nHead: 1, nKvHead: 1, dHead: 4 };
    for (const options of [{ ...heads, length: 0 }, { ...heads, position: 3 }]) {
      const error = await refusal(gpu, (r) => [decodeAttention(r, q, k, v, options)]);
      const visible = "length" in options ? 0 : 4;
      expect([error.code, error.message]).toEqual([
        "bad-param",
        `decodeAttention: ${visible} visible positions, k [1,1,3,4] has 1 to 3`,
      ]);
    }
    gpu.free(q, k, v);
  });
});
