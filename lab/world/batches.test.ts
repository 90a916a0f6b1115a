import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { expectClose, printed, sampleMean } from "../../lib/testing/close.ts";
import { batchAt } from "./batches.ts";
import { sha256 } from "./examples.ts";
import { initialWeights } from "./initial_weights.ts";
import { learningRateAt, parseRecipe, phaseAt, totalSteps, type Recipe } from "./recipe.ts";
import { bosId, decode, eosId, tokens } from "./tokenizer.ts";

const json = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../recipes/${path}`, import.meta.url), "utf8"));
const recipes = ["world-s.json", "world-m.json", "goldens/tiny.json"].map((p) => parseRecipe(json(p)));
const tiny = recipes[2]!;

describe("recipes", () => {
  test("the bundled ones are valid and fit the tokenizer", () => {
    for (const r of recipes) expect(r.model.dVocab).toBe(tokens.length);
  });

  test("a bad one is refused with the field named", () => {
    const raw = json("goldens/tiny.json") as Record<string, unknown>;
    expect(() => parseRecipe({ ...raw, seed: -1 })).toThrow(/seed/);
    expect(() => parseRecipe({ ...raw, extra: 1 })).toThrow(/extra/);
    expect(() => parseRecipe({ ...raw, model: { ...(raw["model"] as object), nKvHead: 3 } })).toThrow(
      /nKvHead/,
    );
    expect(() => parseRecipe({ ...raw, model: { ...(raw["model"] as object), nCtx: 32 } })).toThrow(
      /context is 32/,
    );
  });

  test("the learning rate rises, stays and falls: by hand for 50 steps, warm-up 5, decay 10 to a tenth", () => {
    const at = (step: number): number => learningRateAt(tiny, step) / tiny.optimizer.lr;
    expect([0, 1, 4, 5, 39].map(at)).toEqual([0.2, 0.4, 1, 1, 1]);
    expectClose(at(40), 0.1 + 0.9 * 0.9, printed(12));
    expectClose(at(49), 0.1, printed(12));
    const halved = { ...tiny, phases: tiny.phases.map((p) => ({ ...p, lrScale: 0.5 })) };
    expect(learningRateAt(halved, 20)).toBe(tiny.optimizer.lr / 2);
    expect(totalSteps(tiny)).toBe(50);
    expect(() => phaseAt(tiny, 50)).toThrow(/outside/);
  });

  test("the golden losses belong to this recipe and to the schedule", () => {
    const golden = json("goldens/reference_losses.json") as {
      recipe: Recipe;
      losses: number[];
      learningRates: number[];
    };
    expect(golden.recipe).toEqual(tiny);
    expect(golden.losses).toHaveLength(50);
    golden.learningRates.forEach((lr, step) => expectClose(lr, learningRateAt(tiny, step), printed(12)));
    expectClose(golden.losses[0]!, Math.log(tokens.length), printed(1));
  });
});

describe("batches", () => {
  test("are a pure function of recipe and step", () => {
    const a = batchAt(tiny, 7);
    batchAt(tiny, 8);
    expect(batchAt(tiny, 7)).toEqual(a);
    expect(batchAt(tiny, 8).ids).not.toEqual(a.ids);
    expect(batchAt({ ...tiny, seed: 4 }, 7).ids).not.toEqual(a.ids);
  });

  test("the first batches are pinned: other data would need other models and goldens", async () => {
    const { ids, mask } = batchAt(tiny, 0);
    expect(await sha256(new Uint8Array(ids.buffer))).toBe(
      "c3b61b5729bea20640d091d91b0979153b5281d9191ffed843cf5a77eb69c98a",
    );
    expect(await sha256(mask)).toBe("f17bba69397cb849f163767d8c4b4f07f07ccf60f5340fec2ccc8f7db198393b");
  });

  test("rows begin with <bos>, hold whole documents, and count no first token", () => {
    for (const recipe of recipes) {
      for (const step of [0, totalSteps(recipe) - 1]) {
        const { rows, length, ids, mask } = batchAt(recipe, step);
        expect([rows, length]).toEqual([phaseAt(recipe, step).batch, phaseAt(recipe, step).length]);
        let counted = 0;
        let broken = 0;
        for (let r = 0; r < rows; r++) {
          expect(ids[r * length]).toBe(bosId);
          expect(mask[r * length]).toBe(0);
          for (let t = 1; t < length; t++) {
            const at = r * length + t;
            counted += mask[at]!;
            if (ids[at] === bosId && (ids[at - 1] !== eosId || mask[at] !== 0)) broken++;
            if (ids[at] === eosId && mask[at] !== 1) broken++;
          }
        }
        expect(broken).toBe(0);
        expect(counted / ids.length).toBeGreaterThan(0.2);
        expect(Math.max(...ids)).toBeLessThan(tokens.length);
      }
    }
  });

  test("plain documents end after one answer", () => {
    const phase = { steps: 1, batch: 8, length: 256, mixture: { "single-hop": 1, "key-value": 1 } } as const;
    const questions = (plain: number): number => {
      const { ids } = batchAt({ ...tiny, phases: [{ ...phase, plain }] }, 0);
      const documents = decode(ids)
        .split("<bos>")
        .filter((d) => d.includes("Question:"));
      return documents.reduce((n, d) => n + d.split("Question:").length - 1, 0) / documents.length;
    };
    expect(questions(1)).toBe(1);
    expect(questions(0)).toBeGreaterThan(1.5);
  });

  test("in recall, the values asked for count and the pairs do not", () => {
    const { ids, mask } = batchAt(
      { ...tiny, phases: [{ steps: 1, batch: 4, length: 64, mixture: { "key-value": 1 } }] },
      0,
    );
    const row = [...ids.subarray(0, 64)];
    const end = row.indexOf(eosId);
    const find = decode(row).indexOf("Find:");
    expect(find).toBeGreaterThan(0);
    const asked = row.findIndex((_, i) => decode(row.slice(0, i + 1)).endsWith("Find:")) + 1;
    expect([...mask.subarray(0, asked + 1)].every((m) => m === 0)).toBe(true);
    expect([...mask.subarray(asked, end + 1)].filter(Boolean).length).toBeGreaterThanOrEqual(3);
  });
});

describe("initial weights", () => {
  test("have the Hugging Face names and shapes, unit norms and the right spread", () => {
    const list = initialWeights(tiny.model, tiny.seed);
    expect(list).toHaveLength(2 + 9 * tiny.model.nLayer);
    const of = (name: string): Float32Array => list.find((t) => t.name === name)!.data;
    const std = (x: Float32Array): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length);
    expect(list[0]!.shape).toEqual([tokens.length, 32]);
    expect(of("model.norm.weight").every((x) => x === 1)).toBe(true);
    const expectStd = (name: string, want: number): void =>
      expectClose(std(of(name)), want, sampleMean(want, 2 * of(name).length), name);
    expectStd("model.embed_tokens.weight", 0.02);
    expectStd("model.layers.1.mlp.down_proj.weight", 0.01);
    expect(of("model.layers.0.self_attn.q_proj.weight")).not.toEqual(
      of("model.layers.1.self_attn.q_proj.weight"),
    );
  });
});
