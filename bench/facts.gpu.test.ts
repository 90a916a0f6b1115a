/** Facts of speed that no machine's mood can change: how much is asked of the device. */
import { beforeAll, describe, expect, test } from "vitest";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { countEngine, type EngineCounts } from "./facts.ts";
import { counting } from "./watch.ts";

let counts: EngineCounts;
beforeAll(async () => {
  counts = await countEngine(await testGpu());
});

describe("decoding a token", () => {
  test("takes at most five dispatches a layer and four around them", () => {
    expect(counts.token.dispatches).toBeGreaterThan(counts.nLayer);
    expect(counts.token.dispatches).toBeLessThanOrEqual(5 * counts.nLayer + 4);
  });

  test("reads back four bytes, once", () => {
    expect(counts.token.maps).toBe(1);
    expect(counts.token.mappedBytes).toBe(4);
  });
});

test("a training step reads nothing back", () => {
  expect(counts.step.dispatches).toBeGreaterThan(counts.nLayer);
  expect(counts.step.maps).toBe(0);
});

test("the counter sees a readback and a dispatch when there is one", async () => {
  const gpu = await testGpu();
  const tensor = gpu.zeros([3], "u32", "three");
  const { counts: seen } = await counting(() => gpu.read(tensor, "u32"));
  expect(seen).toMatchObject({ maps: 1, mappedBytes: 12, dispatches: 0, submits: 1 });
  gpu.free(tensor);
});
