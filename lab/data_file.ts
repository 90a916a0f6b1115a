/**
 * Batch and data files. JSON lines: one example a line. JSON: `{"examples": […], "gradEntries": {tensor: […]}}`.
 * An example for cross-entropy is `{"tokens": […], "mask": […]}`, mask 1 on a position whose token is a target (the
 * first position is never one), or `{"prompt", "completion"}`, each a text or an array of ids; every token of the
 * completion is a target.
 *
 * Prompt and completion are tokenised as two texts and put one behind the other, so the boundary between them is
 * always a boundary between tokens. Nothing is added to either: no start token, no end token; special tokens may be
 * written in the text ("<bos>…<eos>") where the tokenizer knows them.
 */
import { LabError } from "../lib/errors.ts";
import type { MaskedSequence } from "../lm/batch.ts";
import { isJsonObject, type Json, parseStrictJson, showJson } from "../lm/checkpoint/strict_json.ts";

/** A text, or ids taken as they are. */
export type TextOrIds = string | readonly number[];

/** One example, its shape checked; ids are not yet known to lie in any vocabulary. */
export type Example =
  | { readonly kind: "tokens"; readonly where: string; readonly tokens: readonly number[]; readonly mask: readonly number[] }
  | { readonly kind: "completion"; readonly where: string; readonly prompt: TextOrIds; readonly completion: TextOrIds };

export interface DataFile {
  readonly examples: readonly Example[];
  /** Entries of gradients asked for: tensor of the checkpoint → flat indices. */
  readonly gradEntries: ReadonlyMap<string, readonly number[]>;
}

/** What has to be known of a model to make sequences for it. */
export interface Vocabulary {
  readonly dVocab: number;
  readonly nCtx: number;
  /** Text → ids with nothing added. Throws where the model has no tokenizer. */
  readonly encode: (text: string) => readonly number[];
}

/** Reads the text of a data file; `name` goes into messages. Throws `bad-file` with the line or the example. */
export function parseDataFile(text: string, name: string): DataFile {
  const content = text.replace(/^\uFEFF/, "");
  if (content.trim() === "") throw bad(name, "is empty");
  return isJsonLines(content, name) ? parseLines(content, name) : parseWhole(content, name);
}

/** Lines unless the first of them is not JSON by itself, or is the object with the examples. */
function isJsonLines(content: string, name: string): boolean {
  if (/\.jsonl$/i.test(name)) return true;
  const first = content.trimStart().split(/\r?\n/, 1)[0]!;
  try {
    const json: unknown = JSON.parse(first);
    return !Array.isArray(json) && !(isJsonObject(json) && Object.hasOwn(json, "examples"));
  } catch {
    return false;
  }
}

function parseLines(content: string, name: string): DataFile {
  const examples: Example[] = [];
  content.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    const where = `${name}: line ${i + 1}`;
    examples.push(readExample(parseStrictJson(line, where, { maxDepth: 4 }), where));
  });
  return { examples, gradEntries: new Map() };
}

function parseWhole(content: string, name: string): DataFile {
  const json = parseStrictJson(content, name, { maxDepth: 6 });
  if (!isJsonObject(json)) {
    throw bad(name, `is ${showJson(json)}, expected {"examples": […]} or one example a line`);
  }
  onlyKeys(json, ["examples", "gradEntries"], name);
  const { examples } = json;
  if (!Array.isArray(examples)) throw bad(name, `"examples" is ${showJson(examples)}, expected an array`);
  if (examples.length === 0) throw bad(name, '"examples" is an empty array');
  return {
    examples: examples.map((example, i) => readExample(example, `${name}: example ${i}`)),
    gradEntries: readGradEntries(json["gradEntries"], name),
  };
}

function readGradEntries(json: Json | undefined, name: string): Map<string, readonly number[]> {
  if (json === undefined) return new Map();
  if (!isJsonObject(json)) throw bad(name, `"gradEntries" is ${showJson(json)}, expected an object of arrays`);
  return new Map(
    Object.entries(json).map(([tensor, indices]) => {
      if (!Array.isArray(indices)) {
        throw bad(name, `"gradEntries" of ${tensor} is ${showJson(indices)}, expected an array of flat indices`);
      }
      return [tensor, indices.map((index) => whole(index, `${name}: "gradEntries" of ${tensor}`, "index"))];
    }),
  );
}

function readExample(json: Json, where: string): Example {
  if (!isJsonObject(json)) throw bad(where, `is ${showJson(json)}, expected an object`);
  const has = (key: string): boolean => Object.hasOwn(json, key);
  if (has("chosen") || has("rejected")) {
    throw bad(where, 'has "chosen" and "rejected", as preference losses read them; cross-entropy reads "prompt" and "completion"');
  }
  if (has("label")) throw bad(where, 'has a "label", as classification reads it; cross-entropy reads "prompt" and "completion"');
  if (has("tokens") && (has("prompt") || has("completion"))) {
    throw bad(where, 'has both "tokens" and "prompt" or "completion"; one form is enough');
  }
  if (has("tokens")) {
    onlyKeys(json, ["tokens", "mask"], where);
    return readMasked(json, where);
  }
  if (!has("prompt") && !has("completion")) {
    throw bad(where, 'has neither "tokens" and "mask" nor "prompt" and "completion"');
  }
  onlyKeys(json, ["prompt", "completion"], where);
  const prompt = readTextOrIds(json["prompt"], "prompt", where);
  const completion = readTextOrIds(json["completion"], "completion", where);
  if (completion.length === 0) throw bad(where, '"completion" is empty; there is nothing to learn');
  return { kind: "completion", where, prompt, completion };
}

function readMasked(json: { [key: string]: Json }, where: string): Example {
  const tokens = readIds(json["tokens"], "tokens", where);
  if (tokens.length === 0) throw bad(where, '"tokens" is empty');
  const { mask } = json;
  if (!Array.isArray(mask)) throw bad(where, `"mask" is ${showJson(mask)}, expected an array of 0 and 1`);
  if (mask.length !== tokens.length) {
    throw bad(where, `"mask" has ${mask.length} entries for ${tokens.length} tokens`);
  }
  const flags = mask.map((flag, i) => {
    if (flag !== 0 && flag !== 1) throw bad(where, `"mask" holds ${showJson(flag)} at ${i}, expected 0 or 1`);
    return flag;
  });
  if (flags[0] === 1) {
    throw bad(where, '"mask" is 1 at the first position, whose token nothing comes before: it can be no target');
  }
  return { kind: "tokens", where, tokens, mask: flags };
}

function readTextOrIds(json: Json | undefined, key: string, where: string): TextOrIds {
  if (json === undefined) throw bad(where, `"${key}" is missing`);
  if (typeof json === "string") {
    if (/\p{Surrogate}/u.test(json)) throw bad(where, `"${key}" holds half a surrogate pair, which is no text`);
    return json;
  }
  if (!Array.isArray(json)) throw bad(where, `"${key}" is ${showJson(json)}, expected a text or an array of ids`);
  return readIds(json, key, where);
}

function readIds(json: Json | undefined, key: string, where: string): number[] {
  if (!Array.isArray(json)) throw bad(where, `"${key}" is ${showJson(json)}, expected an array of ids`);
  return json.map((id) => whole(id, `${where}: "${key}"`, "id"));
}

function whole(json: Json, where: string, what: string): number {
  if (typeof json === "number" && Number.isSafeInteger(json) && json >= 0) return json;
  throw bad(where, `holds ${showJson(json)}, expected a whole ${what} from 0 on`);
}

function onlyKeys(json: { [key: string]: Json }, known: readonly string[], where: string): void {
  const stray = Object.keys(json).find((key) => !known.includes(key));
  if (stray !== undefined) throw bad(where, `has the unknown key "${stray}"; known are ${known.join(", ")}`);
}

/**
 * Examples as ids with a flag on every target. Throws `bad-file` for an id outside the vocabulary, a sequence longer
 * than the context, an example without a target.
 */
export function toSequences(examples: readonly Example[], { dVocab, nCtx, encode }: Vocabulary): MaskedSequence[] {
  const idsOf = (part: TextOrIds): readonly number[] => (typeof part === "string" ? encode(part) : part);
  return examples.map((example): MaskedSequence => {
    const { where } = example;
    let sequence: { readonly ids: readonly number[]; readonly mask: readonly number[] };
    if (example.kind === "tokens") sequence = { ids: example.tokens, mask: example.mask };
    else {
      const [prompt, completion] = [idsOf(example.prompt), idsOf(example.completion)];
      const ids = [...prompt, ...completion];
      sequence = { ids, mask: ids.map((_, i) => (i > 0 && i >= prompt.length ? 1 : 0)) };
    }
    const { ids, mask } = sequence;
    const stray = ids.find((id) => id >= dVocab);
    if (stray !== undefined) throw bad(where, `holds the id ${stray}; the model's vocabulary has ${dVocab}`);
    if (ids.length > nCtx) throw bad(where, `is ${ids.length} tokens long; the model's context is ${nCtx}`);
    if (!mask.includes(1)) throw bad(where, "has no target: nothing in it would be learnt");
    return sequence;
  });
}

const bad = (where: string, problem: string): LabError => new LabError("bad-file", `${where} ${problem}`);
