import { describe, expect, test } from "vitest";
import { floatToHalf, halfToFloat } from "../../lib/half.ts";
import { type Bound, exact, expectClose } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import type { DType } from "../tensor.ts";
import { normedProductBounds, rotatedBound } from "./decode_kernels.bounds.ts";
import { decodeQkv, decodeQkvTwin } from "./decode_qkv.ts";
import { productTwin } from "./decode_rows.ts";
import { type Tuning, tunedGpu } from "../testing/decode.ts";
import { rmsNormTwin } from "./rms_norm.ts";

interface Case {
  readonly tuning?: Tuning;
  readonly nBatch: number;
  readonly dModel: number;
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dHead: number;
  readonly nSlots: number;
  readonly position: number;
  readonly slot?: number;
  readonly hasBias?: boolean;
}

const cases: readonly Case[] = [
  { nBatch: 1, dModel: 1, nHead: 1, nKvHead: 1, dHead: 2, nSlots: 1, position: 0 },
  { nBatch: 1, dModel: 16, nHead: 4, nKvHead: 2, dHead: 4, nSlots: 5, position: 4, hasBias: true },
  { nBatch: 3, dModel: 33, nHead: 3, nKvHead: 1, dHead: 6, nSlots: 7, position: 2 },
  { nBatch: 5, dModel: 64, nHead: 6, nKvHead: 3, dHead: 10, nSlots: 4, position: 9, slot: 1 },
  { nBatch: 1, dModel: 64, nHead: 12, nKvHead: 4, dHead: 32, nSlots: 4, position: 3 },
  { tuning: "hardware", nBatch: 3, dModel: 68, nHead: 4, nKvHead: 2, dHead: 6, nSlots: 4, position: 3, hasBias: true },
];
const name = (c: Case) => `${c.tuning ?? "own"} tuning, B${c.nBatch} M${c.dModel} H${c.nHead} K${c.nKvHead} D${c.dHead} S${c.nSlots} at ${c.position}`;
const named = cases.map((c) => [name(c), c] as const);

interface Inputs {
  readonly x: Float32Array;
  readonly g: Float32Array;
  readonly w: Float32Array;
  readonly rope: Float32Array;
  readonly bias: Float32Array;
  readonly cache: Float32Array;
}

const nPositions = 12;

/** Runs the kernel over caches that hold `inputs.cache` (k) and its negative (v); returns q, k, v. */
async function run(c: Case, inputs: Inputs, eps: number, dtype: DType = "f32"): Promise<Float32Array[]> {
  const gpu = await tunedGpu(c.tuning ?? "own");
  const { nBatch, dModel, nHead, nKvHead, dHead, nSlots, slot, hasBias } = c;
  const nRows = (nHead + 2 * nKvHead) * dHead;
  const [x, g] = [gpu.upload(inputs.x, [nBatch, dModel], "x"), gpu.upload(inputs.g, [dModel], "g")];
  const w = gpu.zeros([nRows, dModel], dtype, "w");
  gpu.write(w, dtype === "f16" ? floatToHalf(inputs.w) : inputs.w);
  const rope = gpu.upload(inputs.rope, [nPositions, dHead / 2, 2], "rope");
  const bias = gpu.upload(inputs.bias, [nRows], "bias");
  const shape = [nBatch, nKvHead, nSlots, dHead];
  const [k, v] = [gpu.upload(inputs.cache, shape, "k"), gpu.upload(inputs.cache.map((n) => -n), shape, "v")];
  const position = { nHead, nKvHead, dHead, eps };
  const plan = await gpu.record("decodeQkv", (r) => {
    const at = { ...position, position: r.dynamic("position"), ...(slot === undefined ? {} : { slot }), ...(hasBias ? { bias } : {}) };
    return r.keep(decodeQkv(r, x, g, w, rope, k, v, at));
  });
  await gpu.guarded("decodeQkv", () => plan.run({ position: c.position }));
  const results = await Promise.all([gpu.read(plan.outputs), gpu.read(k), gpu.read(v)]);
  plan.dispose();
  gpu.free(x, g, w, rope, bias, k, v);
  return results;
}

/** What the twin makes of the same inputs: q, k, v. */
function twin(c: Case, inputs: Inputs, eps: number): Float64Array[] {
  const { nHead, nKvHead, dHead, position, slot, hasBias } = c;
  const [k, v] = [Float64Array.from(inputs.cache), Float64Array.from(inputs.cache, (n) => -n)];
  const options = { nHead, nKvHead, dHead, eps, position, ...(slot === undefined ? {} : { slot }), ...(hasBias ? { bias: inputs.bias } : {}) };
  return [decodeQkvTwin(inputs.x, inputs.g, inputs.w, inputs.rope, k, v, options), k, v];
}

/** Bounds of q, k and v; cache rows other than the written one may not change at all. */
function bounds(c: Case, inputs: Inputs, eps: number): [q: Bound, k: Bound, v: Bound] {
  const { nHead, nKvHead, dHead, nSlots, position, slot = position, hasBias } = c;
  const nHeads = nHead + 2 * nKvHead;
  const z = productTwin(rmsNormTwin(inputs.x, inputs.g, eps), inputs.w, c.dModel);
  const dz = normedProductBounds(inputs.x, inputs.g, inputs.w, eps);
  const bias = hasBias ? inputs.bias : null;
  const turn = inputs.rope.subarray(position * dHead, (position + 1) * dHead);
  const turned = rotatedBound(z, dz, bias, turn, dHead, nHeads);
  const plain = rotatedBound(z, dz, bias, null, dHead, nHeads);
  const cache = (bound: typeof turned, firstHead: number): Bound => (i) => {
    const [row, s] = [Math.floor(i / dHead / nSlots), Math.floor(i / dHead) % nSlots];
    const [b, head] = [Math.floor(row / nKvHead), firstHead + (row % nKvHead)];
    return s === slot ? bound(b * nHeads + head, i % dHead) : 0;
  };
  const q: Bound = (i) => {
    const row = Math.floor(i / dHead);
    return turned(Math.floor(row / nHead) * nHeads + (row % nHead), i % dHead);
  };
  return [q, cache(turned, nHead), cache(plain, nHead + nKvHead)];
}

function check(results: Float32Array[], expected: Float64Array[], bound: readonly Bound[]): void {
  ["q", "k", "v"].forEach((what, i) => expectClose(results[i]!, expected[i]!, bound[i]!, what));
}

const nRows = (c: Case) => (c.nHead + 2 * c.nKvHead) * c.dHead;
const cacheSize = (c: Case) => c.nBatch * c.nKvHead * c.nSlots * c.dHead;
/** Large enough that leaving it out shows. */
const eps = 0.25;

describe("decodeQkv", () => {
  test.each(named)("%s: rows of ±1, integers and quarter turns, exactly", async (_, c) => {
    const quarter = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const;
    const inputs: Inputs = {
      x: integers(c.nBatch * c.dModel, 1, 1).map((n) => (n < 0 ? -1 : 1)),
      g: integers(c.dModel, 2, 7),
      w: integers(nRows(c) * c.dModel, 3),
      rope: Float32Array.from({ length: nPositions * c.dHead }, (_, i) => quarter[(Math.floor(i / 2) * 7 + Math.floor(i / 10)) % 4]![i % 2]!),
      bias: integers(nRows(c), 4, 100),
      cache: integers(cacheSize(c), 5, 9),
    };
    check(await run(c, inputs, 0), twin(c, inputs, 0), [exact, exact, exact]);
  });

  const seeded = (c: Case): Inputs => {
    const angles = floats((nPositions * c.dHead) / 2, 10).map((a) => a * 3);
    return {
      x: floats(c.nBatch * c.dModel, 6),
      g: floats(c.dModel, 7),
      w: floats(nRows(c) * c.dModel, 8),
      rope: Float32Array.from({ length: nPositions * c.dHead }, (_, i) => (i % 2 === 0 ? Math.cos : Math.sin)(angles[i >> 1]!)),
      bias: floats(nRows(c), 9),
      cache: floats(cacheSize(c), 11),
    };
  };

  test.each(named)("%s against the twin", async (_, c) => {
    const inputs = seeded(c);
    check(await run(c, inputs, eps), twin(c, inputs, eps), bounds(c, inputs, eps));
  });

  test.for(named.slice(1, 3))("%s with f16 weights", async ([, c], { skip }) => {
    const gpu = await testGpu();
    skip(!gpu.features.f16, "the adapter has no shader-f16");
    const inputs = seeded(c);
    const rounded = { ...inputs, w: halfToFloat(floatToHalf(inputs.w)) };
    check(await run(c, inputs, eps, "f16"), twin(c, rounded, eps), bounds(c, rounded, eps));
  });

  test("refuses an odd head width, uneven groups and a position outside the table", async () => {
    const gpu = await testGpu();
    const [x, g, w] = [gpu.zeros([1, 4], "f32", "x"), gpu.zeros([4], "f32", "g"), gpu.zeros([12, 4], "f32", "w")];
    const [rope, cache, other] = [gpu.zeros([3, 1, 2], "f32", "rope"), gpu.zeros([1, 2, 9, 2], "f32", "k"), gpu.zeros([1, 2, 9, 2], "f32", "v")];
    const attempt = async (nHead: number, nKvHead: number, dHead: number, position: number) => {
      const { code, message } = await refusal(gpu, (r) => [
        decodeQkv(r, x, g, w, rope, cache, other, { nHead, nKvHead, dHead, eps, position }),
      ]);
      return `${code} ${message}`;
    };
    expect(await attempt(2, 2, 3, 0)).toBe("shape decodeQkv: dHead is 3, RoPE needs it even");
    expect(await attempt(3, 2, 2, 0)).toBe("shape decodeQkv: 3 heads cannot share 2 kv heads evenly");
    expect(await attempt(2, 2, 2, 3)).toBe("bad-param decodeQkv: position is 3, ropeTable [3,1,2] has rows 0 to 2");
    expect(await attempt(2, 1, 2, 0)).toBe("shape decodeQkv: wqkv is [12,4], expected [8,4]");
    gpu.free(x, g, w, rope, cache, other);
  });
});
