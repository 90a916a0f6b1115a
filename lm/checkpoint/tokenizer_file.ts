/**
 * A Hugging Face `tokenizer.json`, checked before a library builds anything from it: the library trusts the
 * file, and a bad one would surface as a wrong id or an exception deep inside an encoding.
 * Source: the `tokenizer.json` layout of huggingface/tokenizers; what `@huggingface/tokenizers` 0.2 builds.
 */
import { LabError } from "../../lib/errors.ts";
import { type Json, isJsonObject, parseStrictJson, showJson } from "./strict_json.ts";

const FILE = "tokenizer.json";
/** Longest file read, in characters; the largest published are about 35 million. */
const MAX_CHARS = 1 << 27;
/** Ids must stay below this, so that a table by id stays small; the largest published are about 262,000. */
const MAX_IDS = 1 << 21;
const MAX_ADDED = 1 << 17;
const MAX_ADDED_CHARS = 4096;
const MAX_PATTERN_CHARS = 20_000;

type JsonObject = { [key: string]: Json };

/** What the library builds; a type outside the list is refused by name. */
const KNOWN = {
  normalizer: words(
    "BertNormalizer Precompiled Sequence Replace NFC NFD NFKC NFKD Strip StripAccents Lowercase Prepend",
  ),
  pre_tokenizer: words(
    "BertPreTokenizer Sequence Whitespace WhitespaceSplit Metaspace ByteLevel Split Punctuation Digits Replace " +
      "FixedLength",
  ),
  post_processor: words("TemplateProcessing ByteLevel BertProcessing RobertaProcessing Sequence"),
};

function words(text: string): ReadonlySet<Json | undefined> {
  return new Set(text.split(" "));
}

export interface TokenizerFile {
  /** For the library: the file with its model's type and merges in the present-day form. */
  readonly json: JsonObject;
  /** Token by id, added ones included; gaps are undefined. */
  readonly tokens: readonly (string | undefined)[];
  readonly idOf: ReadonlyMap<string, number>;
  /** Ids of added tokens → whether special. */
  readonly added: ReadonlyMap<number, boolean>;
  readonly decoder: Json;
}

function bad(problem: string): LabError {
  return new LabError("bad-file", `${FILE}: ${problem}`);
}

function unsupported(problem: string, hint?: string): LabError {
  return new LabError("unsupported", `${FILE}: ${problem}`, hint);
}

/** Parses and checks the text of a tokenizer.json. Throws `bad-file` or `unsupported` with what is wrong. */
export function readTokenizerFile(text: string): TokenizerFile {
  if (text.length > MAX_CHARS) throw bad(`${text.length} characters, more than the ${MAX_CHARS} allowed`);
  const json = parseStrictJson(text, FILE);
  if (!isJsonObject(json)) throw bad(`it is ${showJson(json)}, not an object`);
  const model = json["model"];
  if (!isJsonObject(model)) throw bad(`its model is ${showJson(model)}, not an object`);
  if (Object.hasOwn(json, "__proto__") || Object.hasOwn(model, "__proto__"))
    throw bad(`it has a key "__proto__"`);

  const type = modelType(model);
  const idOf = type === "Unigram" ? readPieces(model) : readVocab(model);
  const addedTokens = json["added_tokens"] ?? [];
  const added = readAdded(addedTokens, idOf);
  const isToken = (token: Json | undefined): token is string => typeof token === "string" && idOf.has(token);
  const checked: JsonObject = { ...model, type };
  if (type === "BPE") checked["merges"] = readBpe(model, idOf, isToken);
  if (type === "WordPiece") checkWordPiece(model, isToken);

  const part = (name: string): Json => json[name] ?? null;
  walk("normalizer", "normalizers", part("normalizer"), checkPattern);
  walk("pre_tokenizer", "pretokenizers", part("pre_tokenizer"), checkPattern);
  walk("post_processor", "processors", part("post_processor"), (rule) => checkTemplate(rule, isToken));

  const tokens: (string | undefined)[] = [];
  for (const [token, id] of idOf) tokens[id] = token;
  return {
    json: {
      normalizer: part("normalizer"),
      pre_tokenizer: part("pre_tokenizer"),
      post_processor: part("post_processor"),
      decoder: part("decoder"),
      added_tokens: addedTokens,
      model: checked,
    },
    tokens: Array.from(tokens),
    idOf,
    added,
    decoder: part("decoder"),
  };
}

/** The model's type; files from before 2021 leave it out, and it shows in the other keys. */
function modelType(model: JsonObject): "BPE" | "WordPiece" | "Unigram" {
  const type = model["type"];
  if (type === "BPE" || type === "WordPiece" || type === "Unigram") return type;
  if (type !== undefined) {
    throw unsupported(
      `its model is of the type ${showJson(type)}`,
      "BPE, WordPiece and Unigram models are read.",
    );
  }
  if (Array.isArray(model["vocab"])) return "Unigram";
  if (Object.hasOwn(model, "merges")) return "BPE";
  if (Object.hasOwn(model, "continuing_subword_prefix")) return "WordPiece";
  throw bad("its model has no type, nor merges to tell it by");
}

function checkId(id: Json | undefined, token: string): number {
  if (typeof id !== "number" || !Number.isInteger(id))
    throw bad(`token ${showJson(token)} has the id ${showJson(id)}`);
  if (id < 0) throw bad(`token ${showJson(token)} has the negative id ${id}`);
  if (id >= MAX_IDS) throw bad(`token ${showJson(token)} has the id ${id}, beyond the ${MAX_IDS} allowed`);
  return id;
}

/** `vocab` of BPE and WordPiece: token → id. */
function readVocab(model: JsonObject): Map<string, number> {
  const vocab = model["vocab"];
  if (!isJsonObject(vocab)) throw bad(`its vocab is ${showJson(vocab)}, not an object of ids`);
  const idOf = new Map<string, number>();
  const tokenOf = new Map<number, string>();
  for (const [token, value] of Object.entries(vocab)) {
    const id = checkId(value, token);
    const other = tokenOf.get(id);
    if (other !== undefined) throw bad(`tokens ${showJson(other)} and ${showJson(token)} share the id ${id}`);
    idOf.set(token, id);
    tokenOf.set(id, token);
  }
  if (idOf.size === 0) throw bad("its vocab is empty");
  return idOf;
}

/** `vocab` of Unigram: a list of [piece, log probability]; the place is the id. */
function readPieces(model: JsonObject): Map<string, number> {
  const vocab = model["vocab"];
  if (!Array.isArray(vocab)) throw bad(`its vocab is ${showJson(vocab)}, not a list of scored pieces`);
  if (vocab.length === 0 || vocab.length > MAX_IDS) throw bad(`its vocab has ${vocab.length} pieces`);
  const idOf = new Map<string, number>();
  vocab.forEach((entry, id) => {
    const [piece, score] = Array.isArray(entry) ? entry : [];
    if (typeof piece !== "string" || typeof score !== "number" || !Number.isFinite(score)) {
      throw bad(`piece ${id} of its vocab is not a pair of text and finite score`);
    }
    if (idOf.has(piece)) throw bad(`the piece ${showJson(piece)} is in its vocab twice`);
    idOf.set(piece, id);
  });
  const unk = model["unk_id"] ?? 0;
  if (typeof unk !== "number" || !Number.isInteger(unk) || unk < 0 || unk >= vocab.length) {
    throw bad(`its unk_id is ${showJson(unk)}, not one of its ${vocab.length} pieces`);
  }
  if (model["byte_fallback"] === true) throw unsupported("a Unigram model with byte_fallback");
  return idOf;
}

/** Checks a BPE model; gives its merges as pairs. A merge must name two tokens that make a third. */
function readBpe(
  model: JsonObject,
  idOf: ReadonlyMap<string, number>,
  isToken: (token: Json) => boolean,
): Json {
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    const affix = model[key] ?? "";
    if (affix !== "") throw unsupported(`a BPE model with the ${key} ${showJson(affix)}`);
  }
  if ((model["dropout"] ?? 0) !== 0) throw unsupported("a BPE model with dropout, whose encoding is random");
  const unk = model["unk_token"] ?? null;
  if (unk !== null && !isToken(unk)) throw bad(`its unk_token ${showJson(unk)} is not in its vocab`);
  const merges = model["merges"];
  if (!Array.isArray(merges)) throw bad(`its merges are ${showJson(merges)}, not a list`);
  const pairs: string[][] = [];
  merges.forEach((merge, i) => {
    if (typeof merge === "string" && merge.startsWith("#version")) return;
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    const [left, right] = Array.isArray(pair) ? pair : [];
    const isPair =
      Array.isArray(pair) && pair.length === 2 && typeof left === "string" && typeof right === "string";
    if (!isPair || left === "" || right === "")
      throw bad(`merge ${i} is ${showJson(merge)}, not a pair of tokens`);
    for (const token of [left, right]) {
      if (!idOf.has(token)) throw bad(`merge ${i} names ${showJson(token)}, which is not in its vocab`);
    }
    if (!idOf.has(left + right)) throw bad(`merge ${i} makes ${showJson(left + right)}, which has no id`);
    pairs.push([left, right]);
  });
  return pairs;
}

function checkWordPiece(model: JsonObject, isToken: (token: Json) => boolean): void {
  const unk = model["unk_token"] ?? null;
  if (!isToken(unk)) throw bad(`the unk_token of its WordPiece model, ${showJson(unk)}, is not in its vocab`);
  const prefix = model["continuing_subword_prefix"];
  if (typeof prefix !== "string") throw bad(`its continuing_subword_prefix is ${showJson(prefix)}, not text`);
}

/** Added tokens, put into `idOf`. Returns id → whether special. */
function readAdded(list: Json, idOf: Map<string, number>): Map<number, boolean> {
  if (!Array.isArray(list)) throw bad(`its added_tokens are ${showJson(list)}, not a list`);
  if (list.length > MAX_ADDED) throw bad(`${list.length} added tokens, more than the ${MAX_ADDED} allowed`);
  const tokenOf = new Map<number, string>();
  for (const [token, id] of idOf) tokenOf.set(id, token);
  const added = new Map<number, boolean>();
  list.forEach((entry, i) => {
    if (!isJsonObject(entry)) throw bad(`added token ${i} is ${showJson(entry)}, not an object`);
    const { content } = entry;
    if (typeof content !== "string" || content === "") throw bad(`added token ${i} has no content`);
    if (content.length > MAX_ADDED_CHARS) throw bad(`added token ${i} is ${content.length} characters long`);
    const id = checkId(entry["id"], content);
    for (const flag of ["single_word", "lstrip", "rstrip", "normalized", "special"]) {
      const value = entry[flag] ?? false;
      if (typeof value !== "boolean")
        throw bad(`the ${flag} of added token ${showJson(content)} is ${showJson(value)}`);
    }
    const holder = tokenOf.get(id);
    const known = idOf.get(content);
    if (holder !== undefined && holder !== content) {
      throw bad(`added token ${showJson(content)} takes the id ${id}, which is that of ${showJson(holder)}`);
    }
    if (known !== undefined && known !== id) {
      throw bad(`added token ${showJson(content)} has the id ${id}, but ${known} before`);
    }
    idOf.set(content, id);
    tokenOf.set(id, content);
    added.set(id, entry["special"] === true);
  });
  return added;
}

/** Visits every step of a normalizer, pre-tokenizer or post-processor; a sequence holds its steps in `list`. */
function walk(kind: keyof typeof KNOWN, list: string, rule: Json, check: (rule: JsonObject) => void): void {
  if (rule === null) return;
  if (!isJsonObject(rule)) throw bad(`its ${kind} is ${showJson(rule)}, not an object`);
  const { type } = rule;
  if (!KNOWN[kind].has(type)) {
    throw unsupported(`its ${kind} is of the type ${showJson(type)}`);
  }
  if (type !== "Sequence") return check(rule);
  const steps = rule[list];
  if (!Array.isArray(steps)) throw bad(`its ${kind} is a sequence without ${list}`);
  for (const step of steps) {
    if (step === null) throw bad(`a step of its ${kind} is null`);
    walk(kind, list, step, check);
  }
}

/** `Split` and `Replace` need a pattern. Whether a regular expression is legal is seen when it is built. */
function checkPattern(rule: JsonObject): void {
  if (rule["type"] !== "Split" && rule["type"] !== "Replace") return;
  const pattern = rule["pattern"];
  const text = isJsonObject(pattern) ? (pattern["Regex"] ?? pattern["String"]) : undefined;
  if (typeof text !== "string" || text === "")
    throw bad(`a ${rule["type"]} step has the pattern ${showJson(text)}`);
  if (text.length > MAX_PATTERN_CHARS)
    throw bad(`a ${rule["type"]} step has a pattern of ${text.length} characters`);
}

/** A post-processor may only put in tokens that exist. */
function checkTemplate(rule: JsonObject, isToken: (token: Json | undefined) => boolean): void {
  const { type } = rule;
  if (type === "BertProcessing" || type === "RobertaProcessing") {
    for (const key of ["sep", "cls"]) {
      const pair = rule[key];
      const token = Array.isArray(pair) ? pair[0] : undefined;
      if (!isToken(token)) throw bad(`its ${type} has as ${key} ${showJson(token)}, which is no token`);
    }
  }
  if (type !== "TemplateProcessing") return;
  const items = rule["single"];
  if (!Array.isArray(items)) throw bad(`its template is ${showJson(items)}, not a list`);
  for (const item of items) {
    const special = isJsonObject(item) ? item["SpecialToken"] : undefined;
    const sequence = isJsonObject(item) ? item["Sequence"] : undefined;
    if (isJsonObject(special)) {
      if (!isToken(special["id"]))
        throw bad(`its template puts in ${showJson(special["id"])}, which is no token`);
    } else if (!isJsonObject(sequence) || sequence["id"] !== "A") {
      throw bad("its template has an item that is neither a special token nor the sequence A");
    }
  }
}
