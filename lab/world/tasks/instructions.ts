import type { Random } from "../../../lib/random.ts";
import { checkAll, toJson, wordings, type Constraint } from "../constraints.ts";
import { animals, colors, foods, jobs, objects, places } from "../lexicon.ts";
import { drawInSplit } from "../splits.ts";
import type { Task } from "../types.ts";

interface Item {
  readonly request: string;
  readonly constraints: readonly Constraint[];
  readonly reply: string;
  readonly kind: string;
  /** What makes the item: the constraints with their subject, without the wording. */
  readonly key: string;
}

const verbs = ["ran", "slept", "sat", "waited", "sang", "played", "walked", "stopped"] as const;
const moods = ["happy", "small", "big", "old", "quiet", "fast", "cold", "clever"] as const;

/** A sentence about an animal with exactly `n` words (3 to 9), holding `must` and avoiding `avoid`. */
export function sentence(
  random: Random,
  animal: string,
  n: number,
  must: string | undefined,
  avoid: string | undefined,
): string {
  for (;;) {
    const verb = random.pick(verbs);
    const [mood, second] = random.sample(moods, 2) as [string, string];
    const color = random.pick(colors);
    const place = random.pick(places);
    const options: Record<number, readonly string[]> = {
      3: [`The ${animal} ${verb}.`, `One ${animal} ${verb}.`],
      4: [`The ${mood} ${animal} ${verb}.`, `The ${color} ${animal} ${verb}.`],
      5: [
        `The ${animal} was very ${mood}.`,
        `The ${animal} ${verb} and ${random.pick(verbs)}.`,
        `The ${mood} ${color} ${animal} ${verb}.`,
      ],
      6: [`The ${animal} ${verb} near the ${place}.`, `The ${animal} was ${mood} and ${second}.`],
      7: [
        `The ${mood} ${animal} ${verb} near the ${place}.`,
        `The ${color} ${animal} ${verb} at the ${place}.`,
      ],
      8: [
        `The ${mood} ${color} ${animal} ${verb} near the ${place}.`,
        `The ${animal} was ${mood} and ${verb} all day.`,
      ],
      9: [
        `The ${animal} ${verb} near the ${place} and was ${mood}.`,
        `One day the ${mood} ${animal} ${verb} near the ${place}.`,
      ],
    };
    const text = random.pick(options[n]!);
    const words = text.replace(".", "").toLowerCase().split(" ");
    if (words.includes("small") && words.includes("big")) continue;
    if (must !== undefined && !words.includes(must)) continue;
    if (avoid !== undefined && words.includes(avoid)) continue;
    return text;
  }
}

const about = (animal: string): readonly string[] => [
  `Write about the ${animal}.`,
  `Tell me about the ${animal}.`,
  `Say something about the ${animal}.`,
  `I want to read about the ${animal}.`,
];

/** A free sentence or two with one to three constraints. */
function drawSentence(random: Random): Item {
  const animal = random.pick(animals);
  const constraints: Constraint[] = [];
  const roll = random.int(6);
  const nWords = 4 + random.int(6);
  const detail = random.next() < 0.5 ? random.pick(places) : random.pick(moods);
  const fits = roll === 1 ? Math.max(6, nWords) : nWords;
  if (roll === 0 || random.next() < 0.3) constraints.push({ kind: "words", n: fits });
  if (roll === 1 || random.next() < 0.3) constraints.push({ kind: "must", word: detail });
  if (roll === 2 || random.next() < 0.25) {
    const pool = [...moods, ...verbs, ...colors].filter((w) => w !== detail);
    constraints.push({ kind: "must-not", word: random.pick(pool) });
  }
  if (roll === 3 || random.next() < 0.12) constraints.push({ kind: "end", mark: "!" });
  if (roll === 4 || random.next() < 0.12) constraints.push({ kind: "case", to: "lower" });
  if (roll === 5 || random.next() < 0.12) constraints.push({ kind: "format", as: "quote", n: 1 });
  const several =
    !constraints.some((c) => c.kind === "words") && random.next() < 0.25 ? 2 + random.int(2) : 1;
  if (several > 1) constraints.push({ kind: "sentences", n: several });
  const picked = random.shuffle(constraints).slice(0, 3);
  const find = (kind: Constraint["kind"]): Constraint | undefined => picked.find((c) => c.kind === kind);
  const words = find("words");
  const must = find("must");
  const avoid = find("must-not");
  const exactly = words?.kind === "words" ? words.n : undefined;
  const want = must?.kind === "must" ? must.word : undefined;
  const isPlace = want !== undefined && places.includes(want);
  const n =
    exactly !== undefined
      ? exactly
      : want !== undefined
        ? isPlace
          ? 6 + random.int(4)
          : [4, 5, 6, 7, 8, 9][random.int(6)]!
        : 3 + random.int(7);
  const feasible = want === undefined || exactly === undefined || (isPlace ? exactly >= 6 : exactly >= 4);
  if (!feasible) return drawSentence(random);
  const count = find("sentences")?.kind === "sentences" ? several : 1;
  const avoidWord = avoid?.kind === "must-not" ? avoid.word : undefined;
  const parts = new Set<string>([sentence(random, animal, n, want, avoidWord)]);
  while (parts.size < count) parts.add(sentence(random, animal, 3 + random.int(5), undefined, avoidWord));
  let reply = random.shuffle([...parts]).join(" ");
  if (find("end") !== undefined) reply = reply.replace(/\.$/, "!");
  if (find("case") !== undefined) reply = reply.toLowerCase();
  if (find("format") !== undefined) reply = `"${reply}"`;
  const all: Constraint[] = [{ kind: "must", word: animal }, ...picked];
  return {
    request: [random.pick(about(animal)), ...picked.map((c) => random.pick(wordings(c)))].join(" "),
    constraints: all,
    reply,
    kind: "sentence",
    key: JSON.stringify(all),
  };
}

const kinds = { animals, foods, colors, places, jobs, things: objects } as const;
const nouns: Record<keyof typeof kinds, string> = {
  animals: "animals",
  foods: "foods",
  colors: "colors",
  places: "places",
  jobs: "jobs",
  things: "things",
};

/** A list of a kind, some with a word that must or must not be in it. */
function drawList(random: Random): Item {
  const kind = random.pick(Object.keys(kinds) as (keyof typeof kinds)[]);
  const n = 2 + random.int(5);
  const list: Constraint = { kind: "format", as: "list", n };
  const extra = random.int(3);
  const word = random.pick(kinds[kind]);
  const constraints: Constraint[] = [list];
  if (extra === 1) constraints.push({ kind: "must", word });
  if (extra === 2) constraints.push({ kind: "must-not", word });
  const items = random.sample(
    kinds[kind].filter((w) => w !== word),
    n,
  );
  if (extra === 1) items[random.int(n)] = word;
  const ask = random.pick([
    `Name ${n} ${nouns[kind]}.`,
    `Make a list of ${n} ${nouns[kind]}.`,
    `Tell me ${n} ${nouns[kind]}.`,
  ]);
  return {
    request: [ask, ...constraints.slice(1).map((c) => random.pick(wordings(c)))].join(" "),
    constraints,
    reply: `${items.join(", ")}.`,
    kind: `list:${kind}`,
    key: `${kind}|${JSON.stringify(constraints)}`,
  };
}

/** A word to be spelled, or said in big letters. */
function drawLetters(random: Random): Item {
  const word = random.pick([...animals, ...colors, ...foods, ...places, ...objects]);
  const spelled = random.next() < 0.5;
  const second = random.pick(
    [...animals, ...colors, ...foods, ...places, ...objects].filter((w) => w !== word),
  );
  const both = random.next() < 0.5;
  if (spelled) {
    return {
      request: random.pick([
        `Spell the word ${word}.`,
        `Spell ${word} letter by letter.`,
        `How do you spell ${word}?`,
      ]),
      constraints: [{ kind: "format", as: "spelled", n: 1 }],
      reply: `${[...word].join("-")}.`,
      kind: `spell:${word}`,
      key: `spell|${word}`,
    };
  }
  const said = both ? `${word} ${second}` : word;
  return {
    request: random.pick([
      `Write ${said} in big letters.`,
      `Say ${said} in big letters.`,
      `Put ${said} in big letters.`,
    ]),
    constraints: [
      { kind: "case", to: "upper" },
      { kind: "must", word },
      ...(both ? [{ kind: "must", word: second } as const] : []),
    ],
    reply: `${said.toUpperCase()}.`,
    kind: "big",
    key: `big|${said}`,
  };
}

const draw = (random: Random): Item => {
  const roll = random.next();
  return roll < 0.65 ? drawSentence(random) : roll < 0.85 ? drawList(random) : drawLetters(random);
};
const identity = (item: Item): string => `instruction|${item.key}`;

/** Requests with one to four constraints that a program can check, each worded in several ways. */
export const instructionsTask: Task = Object.freeze<Task>({
  id: "instructions",
  title: "Instructions with constraints",
  about:
    "A request with constraints on length, words, case and format, in several wordings. Judged by checking every constraint.",
  example(random, split) {
    const item = drawInSplit(random, split, draw, identity);
    return {
      task: "instructions",
      split,
      prompt: `Instruction: ${item.request}\nReply:`,
      completion: ` ${item.reply}`,
      meta: { identity: identity(item), kind: item.kind, constraints: toJson(item.constraints) },
    };
  },
  verify(example, output) {
    const reply = output.trim();
    const result = checkAll(example.meta["constraints"] as unknown as readonly Constraint[], reply);
    if (!result.ok) return result;
    const kind = String(example.meta["kind"]);
    if (kind.startsWith("spell:") && reply.replaceAll("-", "") !== `${kind.slice(6)}.`) {
      return { ok: false, why: `"${reply}" does not spell ${kind.slice(6)}.` };
    }
    if (kind.startsWith("list:")) {
      const allowed: readonly string[] = kinds[kind.slice(5) as keyof typeof kinds];
      const wrong = reply
        .replace(/\.$/, "")
        .split(", ")
        .find((w) => !allowed.includes(w));
      if (wrong !== undefined) return { ok: false, why: `"${wrong}" does not belong in the list.` };
    }
    return result;
  },
  document(random, split) {
    const { prompt, completion } = instructionsTask.example(random, split);
    return [
      { text: prompt, loss: false },
      { text: completion, loss: true },
    ];
  },
});
