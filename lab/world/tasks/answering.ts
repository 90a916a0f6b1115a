import type { Random } from "../../../lib/random.ts";
import { factIdentity, scene, tellAll, type Fact } from "../facts.ts";
import { countPieces } from "../pretokenize.ts";
import type { Question } from "../questions.ts";
import type { Example, Segment, Split, TaskId } from "../types.ts";

/** How a question wants its answer: as a whole sentence, or in as few words as will do. */
export type Style = "sentence" | "short";

const lead = (style: Style): string => (style === "sentence" ? "Answer:" : "Short answer:");
const answerOf = (q: Question, style: Style): string => (style === "sentence" ? q.sentence : q.short);

/** The example of one question over told facts. */
export function questionExample(
  task: TaskId,
  split: Split,
  facts: readonly Fact[],
  q: Question,
  style: Style,
): Example {
  const context = tellAll(facts);
  const identity = q.told
    ? q.facts.map(factIdentity).join("+")
    : `unknown|${q.text}|${facts.map(factIdentity).sort().join("+")}`;
  return {
    task,
    split,
    prompt: `${context}\nQuestion: ${q.text}\n${lead(style)}`,
    completion: ` ${answerOf(q, style)}`,
    meta: {
      identity,
      told: q.told,
      style,
      question: q.text,
      answer: answerOf(q, style),
      nFacts: facts.length,
    },
  };
}

/** A scene small enough for the budget, followed by as many of its questions as fit. */
export function questionDocument(
  random: Random,
  split: Split,
  budget: number,
  questions: (facts: readonly Fact[]) => Question[],
): Segment[] {
  const nFacts = Math.max(3, Math.min(14, Math.round((budget * (0.2 + 0.25 * random.next())) / 7)));
  const facts = scene(random, split, nFacts);
  const context = tellAll(facts);
  const segments: Segment[] = [{ text: context, loss: random.next() < 0.15 }];
  let left = budget - countPieces(context) - 2;
  for (const q of random.shuffle(questions(facts))) {
    const style: Style = random.next() < 0.6 ? "sentence" : "short";
    const question = `\nQuestion: ${q.text}\n${lead(style)}`;
    const answer = ` ${answerOf(q, style)}`;
    left -= countPieces(question) + countPieces(answer);
    if (left < 0 && segments.length > 1) break;
    segments.push({ text: question, loss: false }, { text: answer, loss: true });
  }
  return segments;
}
