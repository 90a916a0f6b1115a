import { describe, expect, test } from "vitest";
import { check, checkAll, wordings, type Constraint } from "./constraints.ts";
import { ask, shortAnswer, tell, type Fact } from "./facts.ts";
import { neverToldSingle, neverToldTwo, singleHop, twoHop } from "./questions.ts";
import { Random } from "../../lib/random.ts";
import { additionTask, steps } from "./tasks/addition.ts";
import { instructionsTask } from "./tasks/instructions.ts";
import { keyValueTask } from "./tasks/key_value.ts";
import { manyShotTask } from "./tasks/many_shot.ts";
import { sentencesOf, storiesTask } from "./tasks/stories.ts";
import type { Example } from "./types.ts";

const facts: Fact[] = [
  { kind: "related", subject: "Ana", value: "Tom", detail: "sister" },
  { kind: "home", subject: "Ana", value: "harbor", detail: "" },
  { kind: "has", subject: "Ana", value: "kite", detail: "red" },
  { kind: "price", subject: "kite", value: "7", detail: "" },
  { kind: "pet", subject: "Tom", value: "owl", detail: "" },
];

describe("facts and questions", () => {
  test("sentences and short answers", () => {
    expect(facts.map(tell)).toEqual([
      "Ana is the sister of Tom.",
      "Ana lives near the harbor.",
      "Ana has a red kite.",
      "The kite costs 7 coins.",
      "Tom keeps an owl.",
    ]);
    expect(facts.map(shortAnswer)).toEqual(["Ana.", "the harbor.", "a red kite.", "7 coins.", "an owl."]);
    expect(ask("price", "the kite")).toBe("How much does the kite cost?");
  });

  test("single hop asks a thing, its owner and its colour", () => {
    expect(singleHop(facts[2]!).map((q) => [q.text, q.short])).toEqual([
      ["What does Ana have?", "a red kite."],
      ["Who has the kite?", "Ana."],
      ["What color is the kite?", "red."],
    ]);
  });

  test("two hops: exactly the chains of the scene", () => {
    expect(
      twoHop(facts)
        .map((q) => `${q.text} ${q.sentence}`)
        .sort(),
    ).toEqual([
      "How much does the thing of Ana cost? The kite costs 7 coins.",
      "What does the sister of Tom have? Ana has a red kite.",
      "Where does the owner of the kite live? Ana lives near the harbor.",
      "Where does the sister of Tom live? Ana lives near the harbor.",
    ]);
  });

  test("a never-told question is none that the scene answers", () => {
    const told = new Set([...facts.flatMap(singleHop), ...twoHop(facts)].map((q) => q.text));
    for (let i = 0; i < 500; i++) {
      expect(told.has(neverToldSingle(new Random(1, i), facts).text)).toBe(false);
      expect(told.has(neverToldTwo(new Random(1, i), facts).text)).toBe(false);
    }
  });
});

describe("addition", () => {
  const example: Example = {
    task: "addition",
    split: "test",
    prompt: "",
    completion: steps(47, 38),
    meta: { identity: "", sum: 85 },
  };

  test("steps by hand", () => {
    expect(steps(47, 38)).toBe(" 7+8=15, write 5, carry 1. 4+3+1=8. So 47+38=85.");
    expect(steps(90, 10)).toBe(" 0+0=0, write 0, carry 0. 9+1+0=10. So 90+10=100.");
  });

  test("a wrong step, a wrong sum and a missing sum are rejected", () => {
    const ok = (output: string): boolean => additionTask.verify(example, output).ok;
    expect(ok(steps(47, 38))).toBe(true);
    expect(ok(" 47+38=85.")).toBe(true);
    expect(ok(" 7+8=14, write 5, carry 1. 4+3+1=8. So 47+38=85.")).toBe(false);
    expect(ok(" 7+8=15, write 5, carry 1. 4+3+1=8. So 47+37=84.")).toBe(false);
    expect(ok(" 7+8=15, write 5, carry 1.")).toBe(false);
  });
});

describe("constraints", () => {
  const cases: readonly (readonly [Constraint, string, string])[] = [
    [{ kind: "words", n: 4 }, "The red fox ran.", "The fox ran."],
    [{ kind: "words", n: 4 }, "The red fox ran.", "The red fox ran home."],
    [{ kind: "sentences", n: 2 }, "The fox ran. The fox slept.", "The fox ran."],
    [{ kind: "sentences", n: 1 }, '"The fox ran."', "The fox ran. The fox slept."],
    [{ kind: "must", word: "river" }, "Near the River!", "Near the rivers."],
    [{ kind: "must-not", word: "red" }, "The reddest fox.", "The red fox."],
    [{ kind: "case", to: "upper" }, "FOX.", "FOx."],
    [{ kind: "case", to: "lower" }, "the fox ran.", "The fox ran."],
    [{ kind: "end", mark: "!" }, "The fox ran!", "The fox! ran."],
    [{ kind: "format", as: "quote", n: 1 }, '"The fox ran."', '"The fox ran.'],
    [{ kind: "format", as: "list", n: 3 }, "cat, dog, owl.", "cat, dog, cat."],
    [{ kind: "format", as: "list", n: 2 }, "cat, dog.", "cat, dog, owl."],
    [{ kind: "format", as: "spelled", n: 1 }, "f-o-x.", "fox."],
  ];

  test.each(cases)("%o", (constraint, good, bad) => {
    expect(check(constraint, good).ok).toBe(true);
    expect(check(constraint, bad).ok).toBe(false);
    expect(new Set(wordings(constraint)).size).toBeGreaterThanOrEqual(2);
  });

  test("all must hold, and an empty reply never does", () => {
    const all = cases
      .slice(0, 1)
      .map(([c]) => c)
      .concat({ kind: "must", word: "fox" });
    expect(checkAll(all, "The red fox ran.").ok).toBe(true);
    expect(checkAll(all, "The red cat ran.").ok).toBe(false);
    expect(checkAll([{ kind: "must-not", word: "fox" }], " ").ok).toBe(false);
  });

  test("spelling and lists are judged by content too", () => {
    const spell: Example = {
      task: "instructions",
      split: "test",
      prompt: "",
      completion: " f-o-x.",
      meta: { identity: "", kind: "spell:fox", constraints: [{ kind: "format", as: "spelled", n: 1 }] },
    };
    expect(instructionsTask.verify(spell, " f-o-x.").ok).toBe(true);
    expect(instructionsTask.verify(spell, " f-o-g.").ok).toBe(false);
    const list: Example = {
      task: "instructions",
      split: "test",
      prompt: "",
      completion: " cat, owl.",
      meta: { identity: "", kind: "list:animals", constraints: [{ kind: "format", as: "list", n: 2 }] },
    };
    expect(instructionsTask.verify(list, " cat, owl.").ok).toBe(true);
    expect(instructionsTask.verify(list, " cat, rope.").ok).toBe(false);
  });
});

describe("other verifiers", () => {
  const gold = (task: Example["task"], completion: string, meta: object = {}): Example => ({
    task,
    split: "test",
    prompt: "",
    completion,
    meta: { identity: "", ...meta },
  });

  test("recall and labels count the first word only", () => {
    expect(keyValueTask.verify(gold("key-value", " red."), " red, cat blue.").ok).toBe(true);
    expect(keyValueTask.verify(gold("key-value", " red."), " blue.").ok).toBe(false);
    expect(manyShotTask.verify(gold("many-shot", " red."), " red. fox is blue.").ok).toBe(true);
    expect(manyShotTask.verify(gold("many-shot", " red."), " blue. red.").ok).toBe(false);
  });

  test("a story keeps to its heading, ends, and does not repeat itself", () => {
    const meta = { must: ["Mia", "Tom", "kite", "park"], headed: true };
    const story = { ...gold("stories", "", meta), prompt: "Story: Mia, Tom and a kite at the park.\n" };
    const ok = (text: string): boolean => storiesTask.verify(story, text).ok;
    const base = "Mia was a kind girl. Tom went to the park. He found a kite. They were happy.";
    expect(ok(base)).toBe(true);
    expect(ok(base.replace("kite", "ball"))).toBe(false);
    expect(ok(`${base} They were happy.`)).toBe(false);
    expect(ok(base.slice(0, -1))).toBe(false);
    expect(ok(`${base} Ben and Sam came.`)).toBe(false);
    expect(ok("Mia and Tom had a kite at the park.")).toBe(false);
  });

  test("sentences are cut after marks and quotes", () => {
    expect(sentencesOf('Mia ran. "Go," said Tom. "Why?" said Ben. They slept.')).toHaveLength(4);
  });
});
