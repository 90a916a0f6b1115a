import type { Random } from "../../lib/random.ts";
import { ask, personKinds, shortAnswer, tell, unknownAnswer, type Fact } from "./facts.ts";
import { objects, people, relations } from "./lexicon.ts";

/** A question over a scene with its answer and the facts it rests on (none when it was never told). */
export interface Question {
  readonly text: string;
  readonly sentence: string;
  readonly short: string;
  readonly told: boolean;
  readonly facts: readonly Fact[];
}

const answered = (text: string, last: Fact, facts: readonly Fact[], short = shortAnswer(last)): Question => ({
  text,
  sentence: tell(last),
  short,
  told: true,
  facts,
});

const unanswered = (text: string): Question => ({
  text,
  sentence: unknownAnswer,
  short: unknownAnswer,
  told: false,
  facts: [],
});

/** The questions that ask for one told fact. */
export function singleHop(f: Fact): Question[] {
  if (f.kind === "related") return [answered(ask("related", f.value, f.detail), f, [f])];
  if (f.kind === "price") return [answered(ask("price", `the ${f.subject}`), f, [f])];
  const forward = answered(ask(f.kind, f.subject), f, [f]);
  const name = `${f.subject}.`;
  switch (f.kind) {
    case "home":
      return [forward, answered(`Who lives near the ${f.value}?`, f, [f], name)];
    case "has":
      return [
        forward,
        answered(`Who has the ${f.value}?`, f, [f], name),
        answered(`What color is the ${f.value}?`, f, [f], `${f.detail}.`),
      ];
    case "job":
      return [forward, answered(`Who is the ${f.value}?`, f, [f], name)];
    case "pet":
      return [forward, answered(`Who keeps the ${f.value}?`, f, [f], name)];
    case "likes":
      return [forward, answered(`Who likes ${f.value}?`, f, [f], name)];
  }
}

/** Words that pick out the person of a fact without the name, for a first hop. */
function describe(f: Fact): string | undefined {
  switch (f.kind) {
    case "related":
      return `the ${f.detail} of ${f.value}`;
    case "has":
      return `the owner of the ${f.value}`;
    case "job":
      return `the ${f.value}`;
    default:
      return undefined;
  }
}

/** The questions whose answer needs two told facts: who is meant, and what is told of that person or thing. */
export function twoHop(scene: readonly Fact[]): Question[] {
  const out: Question[] = [];
  for (const first of scene) {
    const words = describe(first);
    if (words !== undefined) {
      for (const second of scene) {
        if (second === first || second.subject !== first.subject) continue;
        if (second.kind === "related" || second.kind === "price") continue;
        out.push(answered(ask(second.kind, words), second, [first, second]));
      }
    }
    if (first.kind === "has") {
      const price = scene.find((f) => f.kind === "price" && f.subject === first.value);
      if (price !== undefined)
        out.push(answered(`How much does the thing of ${first.subject} cost?`, price, [first, price]));
    }
  }
  return out;
}

/** A single-hop question that the scene does not answer; most often about someone the scene names. */
export function neverToldSingle(random: Random, scene: readonly Fact[]): Question {
  const named = scene.filter((f) => f.kind !== "price").map((f) => f.subject);
  for (;;) {
    const person = named.length > 0 && random.next() < 0.75 ? random.pick(named) : random.pick(people);
    const roll = random.int(7);
    if (roll === 5) {
      const relation = random.pick(relations);
      if (!scene.some((f) => f.kind === "related" && f.detail === relation && f.value === person))
        return unanswered(ask("related", person, relation));
    } else if (roll === 6) {
      const owned = scene.filter((f) => f.kind === "has").map((f) => f.value);
      const thing = owned.length > 0 && random.next() < 0.6 ? random.pick(owned) : random.pick(objects);
      if (!scene.some((f) => f.kind === "price" && f.subject === thing))
        return unanswered(ask("price", `the ${thing}`));
    } else {
      const kind = personKinds[roll]!;
      if (!scene.some((f) => f.kind === kind && f.subject === person)) return unanswered(ask(kind, person));
    }
  }
}

/** A two-hop question of which the first or the second fact was never told. */
export function neverToldTwo(random: Random, scene: readonly Fact[]): Question {
  const firsts = scene.filter((f) => describe(f) !== undefined);
  for (;;) {
    const kind = random.pick(personKinds);
    if (firsts.length > 0 && random.next() < 0.6) {
      const first = random.pick(firsts);
      if (scene.some((f) => f.kind === kind && f.subject === first.subject)) continue;
      if (kind === first.kind) continue;
      return unanswered(ask(kind, describe(first)!));
    }
    const relation = random.pick(relations);
    const person = random.pick(scene).subject;
    if (!people.includes(person)) continue;
    if (scene.some((f) => f.kind === "related" && f.detail === relation && f.value === person)) continue;
    return unanswered(ask(kind, `the ${relation} of ${person}`));
  }
}
