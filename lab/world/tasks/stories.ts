import { article, people } from "../lexicon.ts";
import { drawCast, narrate, type Cast } from "../plots.ts";
import { drawInSplit } from "../splits.ts";
import type { Example, Task } from "../types.ts";
import { accept, reject } from "../verdicts.ts";

const identity = (c: Cast): string => `story|${c.plot}|${c.hero}|${c.friend}|${c.thing}|${c.place}`;

/** Sentences of a text: split after a full stop, question or exclamation mark, and a closing quote if there is one. */
export const sentencesOf = (text: string): string[] =>
  (text.match(/[^.!?]+[.!?]+"?(?: said [A-Za-z]+\.)?/g) ?? []).map((s) => s.trim());

/** Short stories, told from a heading that must be kept to, or continued from their first sentences. */
export const storiesTask: Task = Object.freeze<Task>({
  id: "stories",
  title: "Stories",
  about:
    "A story is told from a heading (then it must name what the heading names) or continued. " +
    "Judged: 4 to 14 sentences, ends with one, no sentence twice, no stranger by name beyond one friend.",
  example(random, split): Example {
    const cast = drawInSplit(random, split, drawCast, identity);
    const told = narrate(random, cast);
    const headed = random.next() < 0.5;
    const prompt = headed
      ? `Story: ${cast.hero}, ${cast.friend} and ${article(cast.thing)} ${cast.thing} at the ${cast.place}.\n`
      : told.slice(0, 2).join(" ");
    const body = headed ? told.join(" ") : " " + told.slice(2).join(" ");
    const must = headed ? [cast.hero, cast.friend, cast.thing, cast.place] : [cast.hero];
    return {
      task: "stories",
      split,
      prompt,
      completion: body,
      meta: {
        identity: identity(cast),
        plot: cast.plot,
        hero: cast.hero,
        friend: cast.friend,
        thing: cast.thing,
        place: cast.place,
        headed,
        must,
      },
    };
  },
  verify(example, output) {
    const text = output.trim();
    if (!/[.!?]"?$/.test(text)) return reject("The story does not end with a whole sentence.");
    const told = sentencesOf(text);
    if (told.length < 4 || told.length > 14)
      return reject(`The story has ${told.length} sentences; 4 to 14 are expected.`);
    const twice = told.find((s, i) => told.indexOf(s) !== i);
    if (twice !== undefined) return reject(`A sentence comes twice: "${twice}"`);
    const whole = example.meta["headed"] === true ? text : example.prompt + text;
    for (const word of example.meta["must"] as readonly string[]) {
      if (!new RegExp(`\\b${word}\\b`).test(whole)) return reject(`The story does not name "${word}".`);
    }
    const named = new Set(people.filter((p) => new RegExp(`\\b${p}\\b`).test(example.prompt + " " + text)));
    if (named.size > 2) return reject(`The story names ${named.size} people; two at most are expected.`);
    return accept(`${told.length} sentences, all as asked.`);
  },
  document(random, split) {
    const { prompt, completion } = storiesTask.example(random, split);
    return [
      { text: prompt, loss: !prompt.endsWith("\n") },
      { text: completion, loss: true },
    ];
  },
});
