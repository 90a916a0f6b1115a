/** The commands that learn: losses and gradients against the float64 twin, runs that stop and go on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { encode } from "../lab/world/tokenizer.ts";
import { Random } from "../lib/random.ts";
import { expectClose, lossCurve, modelGradient } from "../lib/testing/close.ts";
import { type MaskedSequence, nextTokenBatch } from "../lm/batch.ts";
import { goldenConfig, goldenWeights } from "../lm/testing/golden_fill.ts";
import { LlamaTwin } from "../lm/testing/llama_twin.ts";
import { errorOf, lab, type RanOptions } from "./testing/lab.ts";
import { speakingConfig, writeGoldenModel } from "./testing/model_folder.ts";

const base = mkdtempSync(join(tmpdir(), "benchtop-cli-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const golden = writeGoldenModel(join(base, "golden"), goldenConfig);
const speaking = writeGoldenModel(join(base, "speaking"), speakingConfig);
const twin = new LlamaTwin(goldenConfig, goldenWeights(goldenConfig));

const write = (name: string, content: unknown): string => {
  const path = join(base, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const lines = (examples: readonly unknown[]): string => examples.map((example) => JSON.stringify(example)).join("\n");

/** Seeded sequences over the golden vocabulary, the first tokens no targets. */
function someSequences(n: number, longest: number): { tokens: number[]; mask: number[] }[] {
  return Array.from({ length: n }, (_, i) => {
    const random = new Random(11, i);
    const tokens = Array.from({ length: 3 + random.int(longest - 2) }, () => random.int(goldenConfig.dVocab));
    return { tokens, mask: tokens.map((_token, t) => (t > 1 ? 1 : 0)) };
  });
}

function expectedLoss(sequences: readonly { tokens: readonly number[]; mask: readonly number[] }[]) {
  const batch = nextTokenBatch(sequences.map(({ tokens, mask }): MaskedSequence => ({ ids: tokens, mask })));
  return twin.lossAndGradients(batch.ids, batch.targets, batch.weights, batch.length);
}

interface Loss {
  loss: number;
  parts: { ce: number; nTargets: number };
  gradNorms?: Record<string, number>;
  gradEntries?: Record<string, Record<string, number>>;
}

describe("loss", () => {
  test("value, norms and entries of gradients agree with the float64 twin", async () => {
    const examples = someSequences(5, 9);
    const gradEntries = { "model.embed_tokens.weight": [0, 17, 207], "model.layers.1.mlp.up_proj.weight": [3], "model.norm.weight": [] };
    const batch = write("grads.json", { examples, gradEntries });
    const { loss, gradients } = expectedLoss(examples);
    const ran = await lab(["loss", "--model", golden, "--batch", batch, "--loss", "ce", "--grads", "--json"]);
    const seen = ran.json() as Loss;
    expectClose(seen.loss, loss, modelGradient([loss])(0), "loss");
    expect(seen.parts).toEqual({ ce: seen.loss, nTargets: examples.flatMap(({ mask }) => mask).reduce((a, b) => a + b) });
    expect(Object.keys(seen.gradNorms!).sort()).toEqual([...gradients.keys()].sort());
    for (const [name, g] of gradients) {
      const norm = Math.sqrt(g.reduce((sum, x) => sum + x * x, 0));
      // Each of n entries may be off by the bound of one.
      expectClose(seen.gradNorms![name]!, norm, Math.sqrt(g.length) * modelGradient(g)(0), name);
    }
    expect(Object.keys(seen.gradEntries!)).toEqual(Object.keys(gradEntries));
    for (const [name, indices] of Object.entries(gradEntries)) {
      const g = gradients.get(name)!;
      expect(Object.keys(seen.gradEntries![name]!)).toEqual(indices.map(String));
      for (const i of indices) expectClose(seen.gradEntries![name]![i]!, g[i]!, modelGradient(g)(0), `${name} ${i}`);
    }
    const without = (await lab(["loss", "--model", golden, "--batch", batch, "--loss", "ce", "--json"])).json() as Loss;
    expect(Object.keys(without)).toEqual(["loss", "parts"]);
    expectClose(without.loss, loss, modelGradient([loss])(0), "loss without gradients");
  });

  test("a batch too large for one pass is the mean over all its targets", async () => {
    const examples = someSequences(90, 60);
    const { loss, gradients } = expectedLoss(examples);
    const batch = write("many.jsonl", lines(examples));
    const seen = (await lab(["loss", "--model", golden, "--batch", batch, "--loss", "ce", "--grads", "--json"])).json() as Loss;
    expectClose(seen.loss, loss, modelGradient([loss])(0), "loss");
    for (const [name, g] of gradients) {
      const norm = Math.sqrt(g.reduce((sum, x) => sum + x * x, 0));
      expectClose(seen.gradNorms![name]!, norm, Math.sqrt(g.length) * modelGradient(g)(0), name);
    }
  });

  test("text is what its ids are, with nothing added", async () => {
    const [prompt, completion] = ["Tom has a", " red ball."];
    const text = write("text.jsonl", lines([{ prompt, completion }]));
    const tokens = [...encode(prompt), ...encode(completion)];
    const mask = tokens.map((_, t) => (t >= encode(prompt).length ? 1 : 0));
    const ids = write("ids.jsonl", lines([{ tokens, mask }]));
    const [a, b] = [await lab(["loss", "--model", speaking, "--batch", text, "--loss", "ce", "--json"]), await lab(["loss", "--model", speaking, "--batch", ids, "--loss", "ce", "--json"])];
    expect(a.json()).toEqual(b.json());
  });

  test.each([
    [{ examples: [{ prompt: [1], completion: [2] }], gradEntries: { "lm_head.weight": [0] } }, '"gradEntries" names lm_head.weight, which the model lacks'],
    [{ examples: [{ prompt: [1], completion: [2] }], gradEntries: { "model.norm.weight": [16] } }, '"gradEntries" of model.norm.weight has index 16; it has 16 elements'],
    [{ examples: [{ prompt: [1], completion: [13] }] }, "example 0 holds the id 13; the model's vocabulary has 13"],
  ])("case %# is a bad file", async (content, message) => {
    const ran = await lab(["loss", "--model", golden, "--batch", write("bad.json", content), "--loss", "ce", "--grads", "--json"]);
    expect(ran.code).toBe(2);
    expect(errorOf(ran).code).toBe("bad-file");
    expect(errorOf(ran).message).toContain(message);
  });
});

interface Trained {
  losses: number[];
  evals: { step: number; loss: number }[];
  tokensPerSecond: number;
  out: string | null;
}

describe("train", () => {
  const data = write("train.jsonl", lines(someSequences(10, 12)));
  const settings = "--lr 0.01 --batch-size 3 --micro-batch 2 --weight-decay 0.1 --eval-every 2 --seed 5".split(" ");
  const words = (out: string, ...more: string[]): string[] =>
    ["train", "--model", golden, "--data", data, "--loss", "ce", "--out", join(base, out), "--json"].concat(settings, more);
  const weightsOf = (out: string): Buffer => readFileSync(join(base, out, "model.safetensors"));
  const trained = async (argv: readonly string[], options: RanOptions = {}): Promise<Trained> => {
    const ran = await lab(argv, options);
    expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
    return ran.json() as Trained;
  };

  test("three steps and three after a resume are six steps at once, bit for bit", async () => {
    const straight = await trained(words("straight", "--steps", "6"));
    expect(straight.losses).toHaveLength(6);
    expect(straight.evals.map(({ step }) => step)).toEqual([0, 2, 4, 6]);
    expect(straight.tokensPerSecond).toBeGreaterThan(0);
    await trained(words("halves", "--steps", "3"));
    const resumed = await trained(words("halves", "--steps", "6", "--resume"));
    expect(resumed.losses).toEqual(straight.losses);
    // The first half also measured at its own end.
    expect(resumed.evals.filter(({ step }) => step !== 3)).toEqual(straight.evals);
    expect(weightsOf("halves").equals(weightsOf("straight"))).toBe(true);
    const optimizer = (out: string): Buffer => readFileSync(join(base, out, "optimizer.safetensors"));
    expect(optimizer("halves").equals(optimizer("straight"))).toBe(true);
    expect(readdirSync(join(base, "halves")).sort()).toEqual(["config.json", "model.safetensors", "optimizer.safetensors", "trainer.json"]);
    expect(weightsOf("straight").equals(readFileSync(join(golden, "model.safetensors")))).toBe(false);
  });

  test("Ctrl-C writes a checkpoint from which the run goes on as if nothing had been", async () => {
    const straight = await trained(words("whole", "--steps", "8", "--checkpoint-every", "2"));
    const controller = new AbortController();
    const ran = await lab(words("stopped", "--steps", "8", "--checkpoint-every", "2"), {
      signal: controller.signal,
      onWrite: (text) => {
        if (text.startsWith("step 4: checkpoint")) controller.abort();
      },
    });
    expect(ran.code).toBe(130);
    const stopped = ran.json() as Trained;
    expect(stopped.losses).toEqual(straight.losses.slice(0, stopped.losses.length));
    expect(stopped.losses.length).toBeLessThan(8);
    const resumed = await trained(words("stopped", "--steps", "8", "--checkpoint-every", "2", "--resume"));
    expect(resumed).toMatchObject({ losses: straight.losses, evals: straight.evals });
    expect(weightsOf("stopped").equals(weightsOf("whole"))).toBe(true);
  });

  test("what it writes is a model again, with the words of the one it came from", async () => {
    const text = write("words.jsonl", lines([{ prompt: "<bos>Tom has a", completion: " ball.<eos>" }, { prompt: "", completion: "<bos>A cat." }]));
    const out = join(base, "spoken");
    await trained(["train", "--model", speaking, "--data", text, "--loss", "ce", "--steps", "2", "--lr", "0.05", "--out", out, "--json"]);
    expect(readdirSync(out).sort()).toEqual(["config.json", "model.safetensors", "optimizer.safetensors", "tokenizer.json", "tokenizer_config.json", "trainer.json"]);
    const before = (await lab(["loss", "--model", speaking, "--batch", text, "--loss", "ce", "--json"])).json() as Loss;
    const after = (await lab(["loss", "--model", out, "--batch", text, "--loss", "ce", "--json"])).json() as Loss;
    expect(after.loss).toBeLessThan(before.loss);
    const generated = await lab(["generate", "--model", out, "--prompt", "Tom", "--max-new-tokens", "3"]);
    expect(generated.code).toBe(0);
  });

  test("without --out nothing is written", async () => {
    const ran = await trained(["train", "--model", golden, "--data", data, "--loss", "ce", "--steps", "1", "--json"]);
    expect(ran).toMatchObject({ out: null, evals: [] });
    expect(ran.losses).toHaveLength(1);
  });

  test("refuses to overwrite, to resume nothing, and to resume something else", async () => {
    await trained(words("once", "--steps", "2"));
    const refusal = async (argv: readonly string[]): Promise<string> => {
      const ran = await lab(argv);
      expect(ran.code).toBe(2);
      return errorOf(ran).message;
    };
    expect(await refusal(words("once", "--steps", "2"))).toContain("already holds a model; give another --out, or --resume");
    expect(await refusal(words("nothing", "--steps", "2", "--resume"))).toContain("holds no run to resume");
    const other = words("once", "--steps", "4", "--resume");
    expect(await refusal(other.map((word) => (word === "0.01" ? "0.02" : word)))).toBe("--lr: now 0.02, at the start of the run 0.01");
    expect(await refusal([...other, "--set", "beta2=0.99"])).toBe("--set beta2: now 0.99, at the start of the run 0.95");
    expect(await refusal(words("once", "--steps", "1", "--resume"))).toContain("--steps is 1, but the run already made 2");
    expect(await refusal([...words("new", "--steps", "2"), "--set", "beta3=1"])).toBe("--set beta3: adamw has beta1, beta2, eps, finalLr");
    expect(await refusal([...words("new", "--steps", "2"), "--set", "beta1=1"])).toBe("--set beta1 is 1, expected less than 1");
  });
});

test("a recipe trains a new model as the reference trainer did, and goes on where it stopped", async () => {
  const goldens = fileURLToPath(new URL("../recipes/goldens/", import.meta.url));
  const { losses: reference } = JSON.parse(readFileSync(join(goldens, "reference_losses.json"), "utf8")) as { losses: number[] };
  const recipe = join(goldens, "tiny.json");
  const run = async (out: string, ...more: string[]): Promise<Trained> => {
    const ran = await lab(["train", "--recipe", recipe, "--out", join(base, out), "--json", ...more]);
    expect(ran.code).toBe(0);
    return ran.json() as Trained;
  };
  const straight = await run("tiny", "--steps", "6");
  expectClose(straight.losses, reference.slice(0, 6), lossCurve(reference), "loss");
  await run("tiny-halves", "--steps", "3");
  expect((await run("tiny-halves", "--steps", "6", "--resume")).losses).toEqual(straight.losses);
  const files = readdirSync(join(base, "tiny")).sort();
  expect(files).toEqual(["config.json", "model.safetensors", "optimizer.safetensors", "recipe.json", "tokenizer.json", "tokenizer_config.json", "trainer.json"]);
  const ran = await lab(["generate", "--model", join(base, "tiny"), "--prompt", "Tom", "--max-new-tokens", "2", "--json"]);
  expect(ran.code).toBe(0);
  const tooMany = await lab(["train", "--recipe", recipe, "--steps", "100000", "--json"]);
  expect(errorOf(tooMany).message).toContain("100000 steps asked for");
});
