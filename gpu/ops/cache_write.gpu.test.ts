import { describe, expect, test } from "vitest";
import { expectClose, exact } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { fusedWidth } from "./attention_layout.ts";
import { cacheWrite, cacheWriteTwin } from "./cache_write.ts";

/** B, H, K, D, T, S, position */
const cases = [
  [1, 1, 1, 1, 1, 1, 0],
  [2, 4, 2, 8, 5, 16, 3],
  [3, 6, 3, 20, 7, 11, 4],
  [1, 2, 1, 3, 67, 67, 0],
  [33001, 1, 1, 2, 2, 3, 1],
] as const;

describe("cacheWrite", () => {
  test.each(cases)("B %i, H %i, K %i, D %i, T %i, S %i, at %i", async (batch, nHead, nKvHead, dHead, seqLen, capacity, position) => {
    const gpu = await testGpu();
    const options = { nHead, nKvHead, dHead, seqLen, position, capacity };
    const nCache = batch * nKvHead * capacity * dHead;
    const rows = integers(batch * seqLen * fusedWidth(options), 1, 1 << 20);
    const [k, v] = [floats(nCache, 2), floats(nCache, 3)];
    const [qkv, kGpu, vGpu] = [
      gpu.upload(rows, [batch * seqLen, fusedWidth(options)], "qkv"),
      gpu.upload(k, [batch, nKvHead, capacity, dHead], "k"),
      gpu.upload(v, [batch, nKvHead, capacity, dHead], "v"),
    ];
    await gpu.compute("write", (r) => {
      cacheWrite(r, qkv, kGpu, vGpu, options);
      return [];
    });
    cacheWriteTwin(rows, k, v, options);
    expectClose(await gpu.read(kGpu), k, exact, "k");
    expectClose(await gpu.read(vGpu), v, exact, "v");
    gpu.free(qkv, kGpu, vGpu);
  });

  test("a dynamic position moves from run to run and drops rows past the capacity", async () => {
    const gpu = await testGpu();
    const options = { nHead: 1, nKvHead: 1, dHead: 1, seqLen: 2 };
    const qkv = gpu.upload(Float32Array.of(9, 1, 2, 9, 3, 4), [2, 3], "qkv");
    const [k, v] = [gpu.zeros([1, 1, 4, 1], "f32", "k"), gpu.zeros([1, 1, 4, 1], "f32", "v")];
    const plan = await gpu.record("write", (r) => cacheWrite(r, qkv, k, v, { ...options, position: r.dynamic("position") }));
    plan.run({ position: 0 });
    plan.run({ position: 3 });
    expectClose(await gpu.read(k), [1, 3, 0, 1], exact, "k");
    expectClose(await gpu.read(v), [2, 4, 0, 2], exact, "v");
    plan.dispose();
    gpu.free(qkv, k, v);
  });

  test("refuses what does not fit", async () => {
    const gpu = await testGpu();
    const options = { nHead: 1, nKvHead: 1, dHead: 2, seqLen: 2 };
    const qkv = gpu.upload(floats(12, 1), [2, 6], "qkv");
    const [k, v, short] = [3, 3, 2].map((s) => gpu.zeros([1, 1, s, 2], "f32", "cache"));
    const write = (position: number, values = v!) =>
      refusal(gpu, (r) => {
        cacheWrite(r, qkv, k!, values, { ...options, position });
        return [];
      });
    expect((await write(2)).message).toBe("cacheWrite: positions 2 to 3 do not fit in the cache of 3");
    expect((await write(0, short)).message).toBe("cacheWrite: v is [1,1,2,2], expected [1,1,3,2]");
    gpu.free(qkv, k!, v!, short!);
  });
});
