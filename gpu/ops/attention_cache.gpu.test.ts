import { describe, expect, test } from "vitest";
import { expectClose, exact } from "../../lib/testing/close.ts";
import { floats } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { attention, attentionFromCache } from "./attention.ts";
import { attentionBounds } from "./attention.bounds.ts";
import { fusedWidth } from "./attention_layout.ts";
import { attentionTwin, cachedKeysAndValues } from "./attention_twin.ts";
import { cacheWrite } from "./cache_write.ts";

const cases = [
  ["rows", { batch: 1, nHead: 1, nKvHead: 1, seqLen: 1, dHead: 4, position: 0, capacity: 1 }],
  ["rows", { batch: 2, nHead: 4, nKvHead: 2, seqLen: 7, dHead: 8, position: 30, capacity: 41 }],
  ["rows", { batch: 1, nHead: 2, nKvHead: 1, seqLen: 67, dHead: 20, position: 64, capacity: 131 }],
  ["tiles", { batch: 2, nHead: 4, nKvHead: 2, seqLen: 7, dHead: 20, position: 30, capacity: 41 }],
  ["tiles", { batch: 1, nHead: 2, nKvHead: 1, seqLen: 67, dHead: 20, position: 64, capacity: 131 }],
] as const;

describe.each(cases)("attentionFromCache over %s, %j", (kernels, shape) => {
  const { batch, nHead, nKvHead, seqLen, dHead, position, capacity } = shape;
  const nCache = batch * nKvHead * capacity * dHead;
  const cacheShape = [batch, nKvHead, capacity, dHead];

  test("floats against the twin, whatever lies in rows not yet seen", async () => {
    const gpu = await testGpu();
    const [qs, ks, vs] = [floats(batch * seqLen * fusedWidth(shape), 1), floats(nCache, 2), floats(nCache, 3)];
    for (const cache of [ks, vs]) {
      for (let i = 0; i < nCache; i++) if (Math.floor(i / dHead) % capacity >= position + seqLen) cache[i] = Number.NaN;
    }
    const qkv = gpu.upload(qs, [batch * seqLen, fusedWidth(shape)], "qkv");
    const [k, v] = [gpu.upload(ks, cacheShape, "k"), gpu.upload(vs, cacheShape, "v")];
    const [out] = await evaluate(gpu, (r) => [attentionFromCache(r, qkv, k, v, { ...shape, kernels })]);
    const seen = cachedKeysAndValues(ks, vs, shape, capacity);
    const bounds = attentionBounds(qs, shape, seen, position);
    expectClose(out!, attentionTwin(qs, shape, seen, position).out, (i) => bounds.out[i]!, "out");
    gpu.free(qkv, k, v);
  });

  test("a text in two chunks through the cache gives the bits of the whole text", async () => {
    const gpu = await testGpu();
    const nTokens = position + seqLen;
    const width = fusedWidth(shape);
    const whole = floats(batch * nTokens * width, 4);
    const chunk = (first: number, n: number): Float32Array<ArrayBuffer> => {
      const rows = new Float32Array(batch * n * width);
      for (let b = 0; b < batch; b++) {
        rows.set(whole.subarray((b * nTokens + first) * width, (b * nTokens + first + n) * width), b * n * width);
      }
      return rows;
    };
    const all = gpu.upload(whole, [batch * nTokens, width], "all");
    const [k, v] = [gpu.zeros(cacheShape, "f32", "k"), gpu.zeros(cacheShape, "f32", "v")];
    const [expected] = await evaluate(gpu, (r) => [attention(r, all, { ...shape, seqLen: nTokens, kernels })]);
    let first = 0;
    for (const n of [position, seqLen].filter((count) => count > 0)) {
      const qkv = gpu.upload(chunk(first, n), [batch * n, width], "chunk");
      const at = { ...shape, seqLen: n, kernels };
      const plan = await gpu.record("chunk", (r) => {
        const now = { ...at, position: r.dynamic("position") };
        cacheWrite(r, qkv, k, v, now);
        return r.keep(attentionFromCache(r, qkv, k, v, now));
      });
      plan.run({ position: first });
      const out = await gpu.read(plan.outputs);
      const row = nHead * dHead;
      for (let b = 0; b < batch; b++) {
        const want = expected!.subarray((b * nTokens + first) * row, (b * nTokens + first + n) * row);
        expectClose(out.subarray(b * n * row, (b + 1) * n * row), want, exact, `sequence ${b} from ${first}`);
      }
      plan.dispose();
      gpu.free(qkv);
      first += n;
    }
    gpu.free(all, k, v);
  });
});

describe("attentionFromCache", () => {
  test("refuses a cache that is too short", async () => {
    const gpu = await testGpu();
    const options = { batch: 1, nHead: 1, nKvHead: 1, seqLen: 2, dHead: 4, position: 2 };
    const qkv = gpu.upload(floats(24, 1), [2, 12], "qkv");
    const cache = gpu.zeros([1, 1, 3, 4], "f32", "cache");
    const error = await refusal(gpu, (r) => [attentionFromCache(r, qkv, cache, cache, options)]);
    expect(error.message).toBe("attentionFromCache: positions 2 to 3 do not fit in the cache of 3");
    gpu.free(qkv, cache);
  });
});
