import { accept, reject } from "./verdicts.ts";
import type { Json, Verdict } from "./types.ts";

/** One thing that can be checked of a reply. */
export type Constraint =
  | { readonly kind: "words"; readonly n: number }
  | { readonly kind: "sentences"; readonly n: number }
  | { readonly kind: "must"; readonly word: string }
  | { readonly kind: "must-not"; readonly word: string }
  | { readonly kind: "case"; readonly to: "upper" | "lower" }
  | { readonly kind: "end"; readonly mark: "!" | "?" }
  | { readonly kind: "format"; readonly as: "list" | "quote" | "spelled"; readonly n: number };

/** The ways each constraint is worded; every wording means the same. */
export function wordings(c: Constraint): readonly string[] {
  switch (c.kind) {
    case "words":
      return [`Use ${c.n} words.`, `Write exactly ${c.n} words.`, `It must have ${c.n} words.`];
    case "sentences":
      return [`Write ${c.n} sentences.`, `Say it in ${c.n} sentences.`, `It must have ${c.n} sentences.`];
    case "must":
      return [
        `Use the word ${c.word}.`,
        `It must have the word ${c.word}.`,
        `Do not forget the word ${c.word}.`,
      ];
    case "must-not":
      return [
        `Do not use the word ${c.word}.`,
        `Write it without the word ${c.word}.`,
        `Never say ${c.word}.`,
      ];
    case "case":
      return c.to === "upper"
        ? ["Use big letters.", "Write it all in big letters."]
        : ["Use small letters only.", "Write it all in small letters."];
    case "end":
      return c.mark === "!"
        ? ["End with !", "The last mark must be !"]
        : ["End with ?", "The last mark must be ?"];
    case "format":
      return c.as === "list"
        ? [`Name ${c.n} in a list.`, `Make a list of ${c.n}.`]
        : c.as === "quote"
          ? ['Put it in "marks".', 'Start and end with ".']
          : ["Spell it.", "Spell it letter by letter."];
  }
}

const wordsOf = (text: string): string[] => text.match(/[A-Za-z]+/g) ?? [];
const has = (text: string, word: string): boolean =>
  wordsOf(text).some((w) => w.toLowerCase() === word.toLowerCase());
const verdict = (ok: boolean, good: string, bad: string): Verdict => (ok ? accept(good) : reject(bad));

/** Checks one constraint on a reply. */
export function check(c: Constraint, reply: string): Verdict {
  const text = reply.trim();
  switch (c.kind) {
    case "words": {
      const n = wordsOf(text).length;
      return verdict(n === c.n, `${n} words.`, `${n} words instead of ${c.n}.`);
    }
    case "sentences": {
      const n = (text.match(/[.!?](?=$|[ "])/g) ?? []).length;
      return verdict(n === c.n, `${n} sentences.`, `${n} sentences instead of ${c.n}.`);
    }
    case "must":
      return verdict(has(text, c.word), `Has "${c.word}".`, `Lacks "${c.word}".`);
    case "must-not":
      return verdict(!has(text, c.word), `Has no "${c.word}".`, `Has "${c.word}".`);
    case "case": {
      const same = c.to === "upper" ? text.toUpperCase() : text.toLowerCase();
      return verdict(/[A-Za-z]/.test(text) && text === same, `All ${c.to} case.`, `Not all ${c.to} case.`);
    }
    case "end":
      return verdict(
        text.replace(/"$/, "").endsWith(c.mark),
        `Ends with ${c.mark}`,
        `Does not end with ${c.mark}`,
      );
    case "format": {
      if (c.as === "quote") return verdict(/^"[^"]+"$/.test(text), "In quotes.", "Not in quotes.");
      if (c.as === "spelled")
        return verdict(/^[A-Za-z](-[A-Za-z])+\.$/.test(text), "Spelled.", "Not spelled.");
      const items = text.replace(/\.$/, "").split(", ");
      const plain =
        text.endsWith(".") &&
        items.every((i) => /^[A-Za-z]+$/.test(i)) &&
        new Set(items).size === items.length;
      return verdict(
        plain && items.length === c.n,
        `A list of ${c.n}.`,
        `Not a list of ${c.n} different words.`,
      );
    }
  }
}

/** Checks all constraints; the first that is broken is the reason. An empty reply is always rejected. */
export function checkAll(constraints: readonly Constraint[], reply: string): Verdict {
  if (reply.trim() === "") return reject("The reply is empty.");
  for (const c of constraints) {
    const result = check(c, reply);
    if (!result.ok) return result;
  }
  return accept(constraints.map((c) => check(c, reply).why).join(" "));
}

/** Constraints as plain data, for `meta`. */
export const toJson = (constraints: readonly Constraint[]): Json => constraints.map((c) => ({ ...c }));
