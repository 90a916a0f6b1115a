import { describe, expect, test } from "vitest";
import { expectClose, sampleMean } from "../../lib/testing/close.ts";
import { Random } from "../../lib/random.ts";
import { canonical, dataHash, exampleAt, examplesOf } from "./examples.ts";
import { allFacts, factIdentity, scene } from "./facts.ts";
import { countPieces } from "./pretokenize.ts";
import { tasks } from "./registry.ts";
import { splitOf } from "./splits.ts";
import { encode } from "./tokenizer.ts";
import { splits, taskIds } from "./types.ts";

const n = 120;

describe.each(tasks.map((t) => [t.id, t] as const))("%s", (_, task) => {
  const drawn = Object.fromEntries(splits.map((s) => [s, examplesOf(task, s, 5, n)] as const));

  test("the same seed gives the same examples, another seed others", () => {
    expect(canonical(examplesOf(task, "train", 5, 20))).toBe(canonical(drawn["train"]!.slice(0, 20)));
    expect(canonical(examplesOf(task, "train", 6, 20))).not.toBe(canonical(drawn["train"]!.slice(0, 20)));
    const a = task.document(new Random(1, "x"), "train", 200);
    expect(task.document(new Random(1, "x"), "train", 200)).toEqual(a);
  });

  test("splits share no item", () => {
    const of = (s: string): Set<string> => new Set(drawn[s]!.map((e) => e.meta.identity));
    const train = of("train");
    const validation = of("validation");
    for (const identity of of("test")) expect(train.has(identity) || validation.has(identity)).toBe(false);
    for (const identity of validation) expect(train.has(identity)).toBe(false);
  });

  test("the verifier accepts every gold answer", () => {
    for (const e of splits.flatMap((s) => drawn[s]!)) {
      const verdict = task.verify(e, e.completion);
      expect(verdict.ok, `${e.prompt}|${e.completion}: ${verdict.why}`).toBe(true);
      expect(verdict.why).not.toBe("");
    }
  });

  test("the verifier rejects nothing, nonsense, and the answer of another example", () => {
    const list = drawn["test"]!;
    let others = 0;
    for (const [i, e] of list.entries()) {
      expect(task.verify(e, "").ok).toBe(false);
      expect(task.verify(e, " moss moss moss").ok).toBe(false);
      const other = list[(i + 1) % list.length]!;
      if (other.completion.trim() !== e.completion.trim())
        others += task.verify(e, other.completion).ok ? 1 : 0;
    }
    expect(others).toBeLessThanOrEqual(n / 5);
  });

  test("a training document carries loss and stays near its budget", () => {
    for (const budget of [120, 250, 500]) {
      for (let i = 0; i < 20; i++) {
        const segments = task.document(new Random(9, `${budget}|${i}`), "train", budget);
        expect(segments.some((s) => s.loss && s.text.trim() !== "")).toBe(true);
        expect(encode(segments.map((s) => s.text).join("")).length).toBeLessThanOrEqual(budget + 60);
      }
    }
  });
});

describe("the world", () => {
  test("the registry holds every task once", () => {
    expect(tasks.map((t) => t.id)).toEqual([...taskIds]);
    expect(tasks.every((t) => Object.isFrozen(t))).toBe(true);
  });

  test("every fact lies in exactly one split, about 90, 5 and 5 per cent", () => {
    const [train, validation, held] = splits.map((s) => new Set(allFacts(s).map(factIdentity)));
    for (const id of held!) expect(train!.has(id) || validation!.has(id)).toBe(false);
    const total = train!.size + validation!.size + held!.size;
    expectClose(train!.size / total, 0.9, sampleMean(0.3, total));
    expectClose(held!.size / total, 0.05, sampleMean(Math.sqrt(0.05 * 0.95), total));
    for (let i = 0; i < 50; i++) {
      for (const f of scene(new Random(2, i), "test", 9)) expect(splitOf(factIdentity(f))).toBe("test");
    }
  });

  test("training documents of the questions tell training facts only", () => {
    const held = new Set(allFacts("test").map((f) => `${f.subject} ${f.kind} ${f.value} ${f.detail}`));
    for (let i = 0; i < 100; i++) {
      for (const f of scene(new Random(4, i), "train", 12))
        expect(held.has(`${f.subject} ${f.kind} ${f.value} ${f.detail}`)).toBe(false);
    }
  });

  test("key-value and needle hit every asked length exactly", () => {
    for (const id of ["key-value", "needle"] as const) {
      const task = tasks.find((t) => t.id === id)!;
      for (const length of [64, 65, 66, 67, 100, 127, 128, 200, 255, 256, 511, 512]) {
        for (const depth of [0, 0.5, 1]) {
          const e = exampleAt(task, "test", 1, length, { length, depth });
          expect(1 + encode(e.prompt + e.completion).length + 1, `${id} ${length}`).toBe(length);
          expect(1 + countPieces(e.prompt + e.completion) + 1).toBe(length);
        }
      }
    }
    const needle = tasks.find((t) => t.id === "needle")!;
    const long = exampleAt(needle, "test", 1, 0, { length: 5000, depth: 0.5 });
    expect(encode(long.prompt + long.completion).length + 2).toBe(5000);
    expect(() => exampleAt(needle, "test", 1, 0, { length: 20 })).toThrow(/too short/);
    expect(() =>
      exampleAt(
        tasks.find((t) => t.id === "key-value")!,
        "test",
        1,
        0,
        { length: 2000 },
      ),
    ).toThrow(/pairs/);
  });

  test("depth places the asked pair and the needle", () => {
    const pair = tasks.find((t) => t.id === "key-value")!;
    expect(exampleAt(pair, "test", 1, 3, { length: 128, depth: 0 }).meta["at"]).toBe(0);
    const last = exampleAt(pair, "test", 1, 3, { length: 128, depth: 1 });
    expect(last.meta["at"]).toBe(Number(last.meta["nPairs"]) - 1);
    const needle = tasks.find((t) => t.id === "needle")!;
    expect(exampleAt(needle, "test", 1, 3, { length: 128, depth: 0 }).prompt).toMatch(
      /^Read this\. The secret word/,
    );
  });

  test("never-told questions are about a quarter, and the context does not tell", () => {
    for (const id of ["single-hop", "two-hop"] as const) {
      const drawn = examplesOf(
        tasks.find((t) => t.id === id)!,
        "train",
        8,
        400,
      );
      const unknown = drawn.filter((e) => e.meta["told"] === false);
      expect(unknown.length / drawn.length).toBeGreaterThan(0.18);
      expect(unknown.length / drawn.length).toBeLessThan(0.32);
      for (const e of unknown) expect(e.completion).toBe(" I do not know.");
    }
  });

  test("the data hash depends on the seed and on nothing else", async () => {
    const a = await dataHash(1, 4);
    expect(a).toMatch(/^[0-9a-f]{64}$/);
    expect(await dataHash(1, 4)).toBe(a);
    expect(await dataHash(2, 4)).not.toBe(a);
  });
});
