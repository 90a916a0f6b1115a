import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../gpu/gpu.ts";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { exact, expectClose, modelGradient, modelLogits, printed } from "../lib/testing/close.ts";
import { standardDeviation } from "../lib/testing/statistics.ts";
import { nextTokenBatch } from "./batch.ts";
import { Hooks, hookNames } from "./hooks.ts";
import { goldenConfig, goldenWeights } from "./testing/golden_fill.ts";
import { LlamaTwin } from "./testing/llama_twin.ts";
import { transformerWith } from "./testing/models.ts";
import { lossAndGradients } from "./train.ts";
import type { LlamaConfig } from "./config.ts";

const ids = [1, 5, 2, 7, 3];
let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** Grouped and ungrouped heads, tied and not, odd widths, head width apart from d_model / n_head. */
const shapes: readonly (readonly [string, LlamaConfig])[] = [
  ["the golden model", goldenConfig],
  ["one kv head, own head matrix", { ...goldenConfig, nKvHead: 1, tieEmbeddings: false }],
  ["no grouping, wide heads, other theta", { ...goldenConfig, nKvHead: 4, dHead: 12, ropeTheta: 1e5, normEps: 1e-6 }],
  ["odd sizes", { ...goldenConfig, nLayer: 1, nHead: 3, nKvHead: 3, dModel: 18, dHead: 8, dMlp: 17, dVocab: 29 }],
];

describe("the transformer on the device", () => {
  test("gives the published logits of the tiny model", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const input = gpu.upload(Uint32Array.from(ids), [5], "ids");
    const [logits] = await gpu.compute("forward", (r) => [model.forward(r, input, { batch: 1, seqLen: 5 })]);
    const published = [1.53098, 1.22856, 1.43535, 0.73901, 0.93071, 0.61113, 0.83212, -0.19809, 0.86187, -0.80684, 2.44253, -1.13095, -0.59877];
    expectClose(logits!.subarray(4 * 13), published, modelLogits(standardDeviation(published)) + printed(5));
    gpu.free(input);
    model.dispose();
  });

  test.each(shapes)("%s: logits, loss and every gradient agree with the float64 twin", async (_, config) => {
    const weights = goldenWeights(config);
    const model = transformerWith(gpu, config, weights);
    const twin = new LlamaTwin(config, weights);
    const sequences = [ids, [4, 4, 9, 0, 12], [8, 1, 6, 11, 2]].map((seq, i) => ({ ids: seq, mask: [0, 1, 1, i === 1 ? 0 : 1, 1] }));
    const batch = nextTokenBatch(sequences);
    const input = gpu.upload(batch.ids, [15], "ids");
    const [logits] = await gpu.compute("forward", (r) => [model.forward(r, input, { batch: 3, seqLen: 5 })]);
    const expected = twin.forward(batch.ids, 5);
    expectClose(logits!, expected, () => modelLogits(standardDeviation(expected)), "logits");

    const reference = twin.lossAndGradients(batch.ids, batch.targets, batch.weights, 5);
    const { loss, gradients } = await lossAndGradients(model, batch);
    expectClose(loss, reference.loss, modelGradient([reference.loss])(0), "loss");
    expect([...gradients.keys()].sort()).toEqual([...reference.gradients.keys()].sort());
    for (const [name, g] of reference.gradients) expectClose(gradients.get(name)!, g, modelGradient(g), name);
    gpu.free(input);
    model.dispose();
  });

  test("trailing tokens never change earlier logits", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const long = gpu.upload(Uint32Array.from([...ids, 9, 9, 1]), [8], "long");
    const short = gpu.upload(Uint32Array.from(ids), [5], "short");
    const [a, b] = await gpu.compute("forward", (r) => [
      model.forward(r, long, { batch: 1, seqLen: 8 }),
      model.forward(r, short, { batch: 1, seqLen: 5 }),
    ]);
    expectClose(a!.subarray(0, 5 * 13), b!, () => modelLogits(standardDeviation(b!)));
    gpu.free(long, short);
    model.dispose();
  });

  test("every hook can be captured, and capturing changes no logit beyond rounding", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const input = gpu.upload(Uint32Array.from([...ids, ...ids]), [10], "ids");
    const names = hookNames(goldenConfig);
    const hooks = new Hooks(goldenConfig, names);
    const [plain, seen] = await gpu.compute("forward", (r) => [
      model.forward(r, input, { batch: 2, seqLen: 5 }),
      model.forward(r, input, { batch: 2, seqLen: 5, hooks }),
    ]);
    expectClose(seen!, plain!, () => modelLogits(standardDeviation(plain!)));
    expect([...hooks.captured.keys()].sort()).toEqual([...names].sort());
    const shapeOf = (name: string): string => hooks.captured.get(name)!.shape.join();
    expect(shapeOf("blocks.1.hook_resid_post")).toBe("2,5,16");
    expect(shapeOf("blocks.0.attn.hook_q")).toBe("2,5,4,4");
    expect(shapeOf("blocks.0.attn.hook_k")).toBe("2,5,2,4");
    expect(shapeOf("blocks.0.attn.hook_pattern")).toBe("2,4,5,5");
    expect(shapeOf("blocks.0.mlp.hook_pre_linear")).toBe("2,5,24");
    gpu.free(input);
    model.dispose();
  });

  test("captured activations have the published values", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const input = gpu.upload(Uint32Array.from(ids), [5], "ids");
    const names = ["hook_embed", "blocks.0.attn.hook_pattern", "blocks.0.hook_resid_post", "blocks.1.attn.hook_pattern"];
    const hooks = new Hooks(goldenConfig, names);
    const [embed, pattern0, resid, pattern1] = await gpu.compute("forward", (r) => {
      model.forward(r, input, { batch: 1, seqLen: 5, hooks });
      return names.map((name) => hooks.captured.get(name)!);
    });
    const near = (actual: ArrayLike<number>, published: number[], decimals: number): void =>
      expectClose(actual, published, modelLogits(standardDeviation(published)) + printed(decimals));
    near(embed!.subarray(64, 68), [-0.27998, -0.272052, -0.202676, -0.071853], 6);
    near(pattern0!.subarray(1 * 25 + 20, 1 * 25 + 25), [0.123699, 0.027672, 0.627067, 0.106833, 0.114728], 6);
    near(resid!.subarray(64, 68), [-3.745031, 0.77953, -2.785769, -1.80234], 6);
    near(pattern1!.subarray(20, 25), [0.133544, 0.156496, 0.185209, 0.220995, 0.303755], 6);
    gpu.free(input);
    model.dispose();
  });

  test("a replaced activation flows on: values set to zero leave the attention branch silent", async () => {
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const { scale } = await import("../gpu/ops/scale.ts");
    const input = gpu.upload(Uint32Array.from(ids), [5], "ids");
    const silent = new Hooks(goldenConfig, ["blocks.0.hook_attn_out"], new Map([["blocks.0.attn.hook_v", (r, v) => scale(r, v, 0)]]));
    const [branch] = await gpu.compute("forward", (r) => {
      model.forward(r, input, { batch: 1, seqLen: 5, hooks: silent });
      return [silent.captured.get("blocks.0.hook_attn_out")!];
    });
    expectClose(branch!, new Float32Array(5 * 16), exact);
    gpu.free(input);
    model.dispose();
  });

  test("refuses names and lengths it does not have", async () => {
    expect(() => new Hooks(goldenConfig, ["blocks.2.hook_resid_post"])).toThrow(/no activation is called "blocks.2.hook_resid_post"/);
    const model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
    const input = gpu.upload(new Uint32Array(65), [65], "ids");
    const run = gpu.compute("forward", (r) => [model.forward(r, input, { batch: 1, seqLen: 65 })]);
    await expect(run).rejects.toMatchObject({ code: "bad-param", message: "the text is 65 tokens long, the model's context is 64" });
    gpu.free(input);
    model.dispose();
  });
});
