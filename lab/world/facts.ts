import type { Random } from "../../lib/random.ts";
import {
  animals,
  article,
  colors,
  foods,
  girls,
  jobs,
  objects,
  people,
  places,
  relations,
} from "./lexicon.ts";
import { splitOf } from "./splits.ts";
import type { Split } from "./types.ts";

export const factKinds = ["home", "has", "job", "pet", "likes", "related", "price"] as const;
export type FactKind = (typeof factKinds)[number];

/** One told fact. `subject` is a person, or the object for `price`. */
export interface Fact {
  readonly kind: FactKind;
  readonly subject: string;
  /** Place, object, job, animal, food, other person, or number of coins. */
  readonly value: string;
  /** The colour of a thing had, or the name of the relation; empty elsewhere. */
  readonly detail: string;
}

export const factIdentity = (f: Fact): string => `fact|${f.kind}|${f.subject}|${f.value}|${f.detail}`;

/** The fact as a sentence. */
export function tell(f: Fact): string {
  switch (f.kind) {
    case "home":
      return `${f.subject} lives near the ${f.value}.`;
    case "has":
      return `${f.subject} has a ${f.detail} ${f.value}.`;
    case "job":
      return `${f.subject} is a ${f.value}.`;
    case "pet":
      return `${f.subject} keeps ${article(f.value)} ${f.value}.`;
    case "likes":
      return `${f.subject} likes ${f.value}.`;
    case "related":
      return `${f.subject} is the ${f.detail} of ${f.value}.`;
    case "price":
      return `The ${f.subject} costs ${f.value} coins.`;
  }
}

/** The answer in a few words. */
export function shortAnswer(f: Fact): string {
  switch (f.kind) {
    case "home":
      return `the ${f.value}.`;
    case "has":
      return `a ${f.detail} ${f.value}.`;
    case "job":
      return `a ${f.value}.`;
    case "pet":
      return `${article(f.value)} ${f.value}.`;
    case "likes":
      return `${f.value}.`;
    case "related":
      return `${f.subject}.`;
    case "price":
      return `${f.value} coins.`;
  }
}

/** What one asks to hear the fact, given words for its subject ("Mia", "the sister of Tom"). */
export function ask(kind: FactKind, subject: string, detail = ""): string {
  switch (kind) {
    case "home":
      return `Where does ${subject} live?`;
    case "has":
      return `What does ${subject} have?`;
    case "job":
      return `What is the job of ${subject}?`;
    case "pet":
      return `Which animal does ${subject} keep?`;
    case "likes":
      return `What does ${subject} like?`;
    case "related":
      return `Who is the ${detail} of ${subject}?`;
    case "price":
      return `How much does ${subject} cost?`;
  }
}

export const unknownAnswer = "I do not know.";
/** The kinds whose subject is a person and whose question is about that person. */
export const personKinds = ["home", "has", "job", "pet", "likes"] as const;

type Book = Record<FactKind, Map<string, Fact[]>>;
let library: Record<Split, Book> | undefined;

/** The relation that a person cannot have. */
const unfit = (person: string): string => (girls.includes(person) ? "brother" : "sister");

/** Every possible fact by split, kind and subject; `related` is filed under both persons. */
function book(split: Split): Book {
  if (library === undefined) {
    const empty = (): Book => ({
      home: new Map(),
      has: new Map(),
      job: new Map(),
      pet: new Map(),
      likes: new Map(),
      related: new Map(),
      price: new Map(),
    });
    library = { train: empty(), validation: empty(), test: empty() };
    const add = (kind: FactKind, subject: string, value: string, detail = ""): void => {
      const fact: Fact = Object.freeze({ kind, subject, value, detail });
      const shelf = library![splitOf(factIdentity(fact))][kind];
      const list = shelf.get(subject);
      if (list === undefined) shelf.set(subject, [fact]);
      else list.push(fact);
    };
    for (const p of people) {
      for (const v of places) add("home", p, v);
      for (const v of objects) for (const c of colors) add("has", p, v, c);
      for (const v of jobs) add("job", p, v);
      for (const v of animals) add("pet", p, v);
      for (const v of foods) add("likes", p, v);
      for (const q of people)
        if (q !== p) for (const r of relations) if (r !== unfit(p)) add("related", p, q, r);
    }
    for (const o of objects) for (let n = 2; n < 60; n++) add("price", o, String(n));
  }
  return library[split];
}

/** Every possible fact of a split, for tests and for the data page. */
export const allFacts = (split: Split): Fact[] =>
  Object.values(book(split)).flatMap((shelf) => [...shelf.values()].flat());

/**
 * A handful of facts about a few people, all of one split, in random order. No two facts of a scene share kind and
 * subject, no value of a kind appears twice, so every question has one answer.
 */
export function scene(random: Random, split: Split, nFacts: number): Fact[] {
  const shelf = book(split);
  const cast = random.sample(people, Math.max(3, Math.min(7, Math.round(nFacts / 2))));
  const facts: Fact[] = [];
  const taken = new Set<string>();
  const put = (f: Fact): boolean => {
    const marks =
      f.kind === "related"
        ? [
            `related:${f.detail}:${f.value}`,
            `related:${f.subject}:${f.value}`,
            `related:${f.value}:${f.subject}`,
          ]
        : [`${f.kind}:of:${f.subject}`, `${f.kind}:${f.value}`];
    if (facts.length >= nFacts || marks.some((m) => taken.has(m))) return false;
    for (const m of marks) taken.add(m);
    facts.push(f);
    return true;
  };
  const choose = (
    kind: FactKind,
    subject: string,
    keep: (f: Fact) => boolean = () => true,
  ): Fact | undefined => {
    const list = (shelf[kind].get(subject) ?? []).filter(keep);
    return list.length === 0 ? undefined : random.pick(list);
  };
  for (let attempt = 0; attempt < nFacts * 12 && facts.length < nFacts; attempt++) {
    const person = random.pick(cast);
    const kind = random.pick(["home", "has", "job", "pet", "likes", "related", "related", "has"] as const);
    const fact =
      kind === "related" ? choose(kind, person, (f) => cast.includes(f.value)) : choose(kind, person);
    if (fact === undefined || !put(fact)) continue;
    if (kind === "has" && random.next() < 0.6) {
      const price = choose("price", fact.value);
      if (price !== undefined) put(price);
    }
  }
  return random.shuffle(facts);
}

/** The facts as running text. */
export const tellAll = (facts: readonly Fact[]): string => facts.map(tell).join(" ");
