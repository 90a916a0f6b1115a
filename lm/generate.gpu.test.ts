import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../gpu/gpu.ts";
import { testGpu } from "../gpu/testing/node_gpu.ts";
import { exact, expectClose, gamma } from "../lib/testing/close.ts";
import { Decoder, type GenerateOptions } from "./generate.ts";
import { goldenConfig, goldenWeights } from "./testing/golden_fill.ts";
import { transformerWith } from "./testing/models.ts";
import type { Transformer } from "./transformer.ts";

const greedy: GenerateOptions = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0, maxNewTokens: 6, stopIds: [] };
const prompt = [1, 5, 2, 7, 3];

async function run(decoder: Decoder, options: GenerateOptions, ids = prompt) {
  const rows: number[][] = Array.from({ length: decoder.n }, () => []);
  const steps = decoder.generate(ids, options);
  for (;;) {
    const { value, done } = await steps.next();
    if (done) return { rows, ...value };
    value.ids.forEach((id, k) => rows[k]!.push(id));
  }
}

describe("generation", () => {
  let gpu: Gpu;
  let model: Transformer;
  beforeAll(async () => {
    gpu = await testGpu();
    model = transformerWith(gpu, goldenConfig, goldenWeights(goldenConfig));
  });
  afterAll(() => model.dispose());

  test("gives the published greedy tokens, as often as it is asked", async () => {
    const decoder = await Decoder.create(model, 2);
    for (let again = 0; again < 2; again++) {
      const { rows, reason } = await run(decoder, greedy);
      expect(rows).toEqual([[10, 5, 6, 8, 8, 6], [10, 5, 6, 8, 8, 6]]);
      expect(reason).toBe("length");
    }
    decoder.dispose();
  });

  test("stops at a stop token, at the end of the context, and when it is told", async () => {
    const decoder = await Decoder.create(model, 1);
    const atStop = await run(decoder, { ...greedy, stopIds: [6] });
    expect([atStop.rows, atStop.reason]).toEqual([[[10, 5, 6]], "eos"]);
    const long = Array.from({ length: 62 }, (_, i) => i % 13);
    const atEnd = await run(decoder, { ...greedy, maxNewTokens: 50 }, long);
    expect([atEnd.rows[0]!.length, atEnd.reason]).toEqual([2, "context"]);
    const controller = new AbortController();
    const steps = decoder.generate(prompt, { ...greedy, maxNewTokens: 40, signal: controller.signal });
    await steps.next();
    controller.abort();
    expect((await steps.next()).value).toMatchObject({ reason: "cancelled" });
    decoder.dispose();
  });

  test("continuations differ by their draws, and a seed repeats them", async () => {
    const decoder = await Decoder.create(model, 4);
    const options = { ...greedy, temperature: 1.5, seed: 11, maxNewTokens: 12 };
    const [first, second, other] = [await run(decoder, options), await run(decoder, options), await run(decoder, { ...options, seed: 12 })];
    expect(second.rows).toEqual(first.rows);
    expect(other.rows).not.toEqual(first.rows);
    expect(new Set(first.rows.map(String)).size).toBe(4);
    decoder.dispose();
  });

  test("runners-up and logged probabilities tell the same story", async () => {
    const decoder = await Decoder.create(model, 1, 3);
    let scored = 0;
    const steps = decoder.generate(prompt, { ...greedy, onPrompt: ({ logprobs }) => (scored = logprobs.length) });
    const seen: number[] = [];
    for await (const { ids, logprobs, topIds, topLogprobs } of steps) {
      expect(topIds![0]).toBe(ids[0]);
      // Two kernels sum the same 13 exponentials in their own order: about 17 roundings and 23 ULP of exp each.
      expectClose(logprobs!, topLogprobs!.subarray(0, 1), 2 * gamma(64));
      seen.push(logprobs![0]!);
    }
    expect(scored).toBe(prompt.length);
    const logged = await decoder.loggedLogprobs(6);
    expectClose(logged.map(([lp]) => lp!), seen, exact);
    decoder.dispose();
  });

  test("refuses prompts it cannot continue", async () => {
    const decoder = await Decoder.create(model, 1);
    await expect(run(decoder, greedy, [])).rejects.toMatchObject({ code: "bad-param", message: "the prompt is empty" });
    await expect(run(decoder, greedy, [13])).rejects.toThrow("token id 13 is outside the vocabulary of 13");
    await expect(run(decoder, greedy, new Array<number>(64).fill(1))).rejects.toThrow(/64 tokens long, the model's context is 64/);
    await expect(run(decoder, { ...greedy, topP: 2 })).rejects.toMatchObject({ code: "bad-param" });
    decoder.dispose();
    await expect(Decoder.create(model, 65)).rejects.toMatchObject({ code: "bad-param" });
  });
});
