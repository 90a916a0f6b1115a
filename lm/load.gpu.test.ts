import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../gpu/gpu.ts";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { exact, expectClose } from "../lib/testing/close.ts";
import { type FileSource, type Folder, memoryFolder } from "./checkpoint/source.ts";
import { toHuggingFace } from "./config.ts";
import { loadModel, openModel } from "./load.ts";
import { saveModel } from "./save.ts";
import { goldenConfig, goldenWeights } from "./testing/golden_fill.ts";
import { goldenFolder, joined } from "./testing/models.ts";

/** The same folder whose weights fail from the given byte on. */
function breakingAt(folder: Folder, limit: number, onBreak: () => void): Folder {
  const wrap = (file: FileSource): FileSource => ({
    ...file,
    read(begin, end, signal) {
      if (end > limit) onBreak();
      return file.read(begin, end, signal);
    },
  });
  return {
    list: () => folder.list(),
    async open(name, signal) {
      const file = await folder.open(name, signal);
      return file && name === "model.safetensors" ? wrap(file) : file;
    },
  };
}

describe("loading a model", () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await testGpu();
  });

  test("what is saved as f32 is what was loaded, bit for bit", async () => {
    const model = await loadModel(gpu, await openModel(goldenFolder()));
    const files = await saveModel(model);
    const again = await loadModel(gpu, await openModel(memoryFolder(new Map([...files].map(([name, parts]) => [name, joined(parts)])))));
    const weights = goldenWeights(goldenConfig);
    for (const [i, { name, shape, tensor, offset }] of again.parts.entries()) {
      const n = shape.reduce((a, b) => a * b, 1);
      const values = (await gpu.read(tensor)).subarray(offset, offset + n);
      expectClose(values, Float32Array.from(weights.get(name)!), exact, `${i} ${name}`);
    }
    model.dispose();
    again.dispose();
  });

  test("a file that breaks half-way, or a cancelled load, leaves nothing on the device", async () => {
    const before = gpu.memory.report().bytes;
    const size = (await (await goldenFolder().open("model.safetensors"))!).size;
    const broken = breakingAt(goldenFolder(), size - 1, () => {
      throw new Error("the disk has gone");
    });
    await expect(loadModel(gpu, await openModel(broken))).rejects.toThrow("the disk has gone");
    expect(gpu.memory.report().bytes).toBe(before);
    const controller = new AbortController();
    const opened = await openModel(breakingAt(goldenFolder(), size - 1, () => controller.abort()));
    await expect(loadModel(gpu, opened, { signal: controller.signal })).rejects.toMatchObject({ code: "cancelled" });
    expect(gpu.memory.report().bytes).toBe(before);
  });

  test("progress counts up to all bytes of the weights", async () => {
    const opened = await openModel(goldenFolder());
    const seen: number[] = [];
    const model = await loadModel(gpu, opened, { onProgress: (bytes) => seen.push(bytes) });
    expect(seen.at(-1)).toBe(opened.checkpoint.totalBytes);
    expect(seen.every((bytes, i) => i === 0 || bytes > seen[i - 1]!)).toBe(true);
    model.dispose();
  });

  test("head widths the kernels lack are refused before anything is read", async () => {
    const config = new TextEncoder().encode(toHuggingFace({ ...goldenConfig, dHead: 6 }));
    const weights = await (await goldenFolder().open("model.safetensors"))!.read(0, 8);
    const folder = memoryFolder(new Map([["config.json", config], ["model.safetensors", weights]]));
    await expect(openModel(folder)).rejects.toMatchObject({ code: "bad-file" });
    const whole = (await goldenFolder().open("model.safetensors"))!;
    const bytes = await whole.read(0, whole.size);
    const narrow = memoryFolder(new Map([["config.json", config], ["model.safetensors", bytes]]));
    await expect(openModel(narrow)).rejects.toThrow(/heads are 6 wide/);
  });
});
