/**
 * A real trained model of 260,032 parameters made by others, held to its published texts token for token and to
 * its losses on 89 stories.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../gpu/gpu.ts";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { gatherRows } from "../gpu/ops/embedding.ts";
import { logProbOf } from "../gpu/ops/cross_entropy.ts";
import { exact, expectClose, modelLogits, printed } from "../lib/testing/close.ts";
import { standardDeviation } from "../lib/testing/statistics.ts";
import { readLlama2cTokenizer } from "./checkpoint/llama2c_tokenizer.ts";
import { memoryFolder } from "./checkpoint/source.ts";
import { isRealHere, realBytes, realText } from "./checkpoint/testing/real.ts";
import { Decoder } from "./generate.ts";
import { allocateCache, freeCache } from "./kv_cache.ts";
import { loadModel, openModel } from "./load.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Transformer } from "./transformer.ts";

interface GreedyIds {
  readonly greedy_ids_256_steps: number[];
  readonly zoo_prompt_ids: number[];
  readonly zoo_greedy_ids_64: number[];
  readonly logits_pos199: number[];
}
interface Texts {
  readonly greedy_200_steps: { readonly text: string };
  readonly doc: readonly { readonly text: string }[];
}
interface Nll {
  readonly stories260K: { readonly mean_nll_per_token: number; readonly per_story_index_len_nll: readonly (readonly [number, number, number])[] };
}

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0 } as const;

describe.runIf(isRealHere)("stories260K", () => {
  let gpu: Gpu;
  let model: Transformer;
  let tokenizer: Tokenizer;
  let published: GreedyIds;

  beforeAll(async () => {
    gpu = await testGpu();
    const folder = memoryFolder(
      new Map([
        ["config.json", realBytes("model-stories260k/hf-config.json")],
        ["model.safetensors", realBytes("model-stories260k/hf-model.safetensors")],
      ]),
    );
    model = await loadModel(gpu, await openModel(folder));
    tokenizer = readLlama2cTokenizer(realBytes("model-stories260k/tok512.bin"));
    published = JSON.parse(realText("model-stories260k/derived_greedy_ids.json")) as GreedyIds;
  });
  afterAll(() => model?.dispose());

  async function greedyIds(prompt: readonly number[], maxNewTokens: number, n = 1): Promise<number[][]> {
    const decoder = await Decoder.create(model, n);
    const rows: number[][] = Array.from({ length: n }, () => [...prompt]);
    for await (const { ids } of decoder.generate(prompt, { ...greedy, maxNewTokens, stopIds: [1, 2] })) ids.forEach((id, k) => rows[k]!.push(id));
    decoder.dispose();
    return rows;
  }

  test("its greedy story of 256 steps, token for token, and the published texts", async () => {
    const texts = JSON.parse(realText("model-stories260k/expected_outputs.json")) as Texts;
    const [ids] = await greedyIds([1], published.greedy_ids_256_steps.length - 1);
    expectClose(ids!, published.greedy_ids_256_steps, exact);
    expect(tokenizer.decode(ids!, { skipSpecial: true })).toBe(texts.doc[0]!.text);
    expect(tokenizer.decode(ids!.slice(0, 201), { skipSpecial: true })).toBe(texts.greedy_200_steps.text);
  });

  test('the prompt "Zoo", and three continuations at once agree', async () => {
    const prompt = tokenizer.encode("Zoo");
    expect(prompt).toEqual(published.zoo_prompt_ids);
    const rows = await greedyIds(prompt, published.zoo_greedy_ids_64.length - prompt.length, 3);
    for (const ids of rows) expectClose(ids, published.zoo_greedy_ids_64, exact);
  });

  test("cached decoding equals full recomputation", async () => {
    const ids = published.greedy_ids_256_steps.slice(0, 200);
    const cache = allocateCache(gpu, model.config, 1, 256);
    const all = gpu.upload(Uint32Array.from(ids), [200], "ids");
    const head = gpu.upload(Uint32Array.from(ids.slice(0, 190)), [190], "head");
    const tail = gpu.upload(Uint32Array.from(ids.slice(190)), [10], "tail");
    const last = gpu.upload(Uint32Array.of(199), [1], "last");
    const lastOfTail = gpu.upload(Uint32Array.of(9), [1], "last of tail");
    const [full, cached] = await gpu.compute("cached and full", (r) => {
      const whole = model.logits(r, gatherRows(r, model.hidden(r, all, { batch: 1, seqLen: 200 }), last));
      model.hidden(r, head, { batch: 1, seqLen: 190, cache });
      const rest = model.hidden(r, tail, { batch: 1, seqLen: 10, cache, position: 190 });
      return [whole, model.logits(r, gatherRows(r, rest, lastOfTail))];
    });
    const std = standardDeviation(published.logits_pos199);
    expectClose(full!, published.logits_pos199, modelLogits(std) + printed(6), "full");
    expectClose(cached!, full!, modelLogits(std), "cached");
    gpu.free(all, head, tail, last, lastOfTail);
    freeCache(gpu, cache);
  });

  test("its losses on 89 stories", async () => {
    const stories = JSON.parse(realText("text-tinystories/tinystories_100.json")) as readonly string[];
    const { per_story_index_len_nll: rows, mean_nll_per_token: mean } = (JSON.parse(realText("model-stories260k/derived_tinystories_nll.json")) as Nll).stories260K;
    let [sum, count] = [0, 0];
    for (const [index, length, nll] of rows) {
      const ids = tokenizer.encode(stories[index]!).slice(0, length);
      const input = gpu.upload(Uint32Array.from(ids.slice(0, -1)), [ids.length - 1], "ids");
      const next = gpu.upload(Uint32Array.from(ids.slice(1)), [ids.length - 1], "next");
      const [logprobs] = await gpu.compute("nll", (r) => [logProbOf(r, model.forward(r, input, { batch: 1, seqLen: ids.length - 1 }), next)]);
      const total = -logprobs!.reduce((a, b) => a + b, 0);
      expectClose(total / logprobs!.length, nll, printed(3), `story ${index}`);
      sum += total;
      count += logprobs!.length;
      gpu.free(input, next);
    }
    expectClose(sum / count, mean, printed(3));
  });
});
