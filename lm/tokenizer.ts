/**
 * Text to token ids and back. Encoding is that of `@huggingface/tokenizers`; decoding is our own
 * (`checkpoint/token_text.ts`), since a stream of tokens has to be put together byte by byte.
 */
import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { LabError } from "../lib/errors.ts";
import { type Json, isJsonObject, parseStrictJson, showJson } from "./checkpoint/strict_json.ts";
import {
  type DecodeOptions,
  type Spelling,
  type TokenStream,
  compileDecoder,
  decodeTokens,
  pieceText,
  streamTokens,
} from "./checkpoint/token_text.ts";
import { readTokenizerFile } from "./checkpoint/tokenizer_file.ts";

export type { DecodeOptions, TokenStream } from "./checkpoint/token_text.ts";

export interface EncodeOptions {
  /** Add the special tokens of the vocabulary's own template, such as a leading `<s>`; they are unless told. */
  readonly addSpecial?: boolean;
}

export interface Tokenizer {
  /** Highest id + 1: the rows an embedding needs at least. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  /** Ids that end a text; empty where the files name none. */
  readonly eosIds: readonly number[];
  encode(text: string, options?: EncodeOptions): number[];
  /** Ids without a token (padding rows of an embedding) add nothing. Throws `bad-param` for what is no id. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** One token as inside a text: leading space kept, bytes of half a character as `<0xE2>`. */
  piece(id: number): string;
  isSpecial(id: number): boolean;
  /** Decodes as the ids come in; its pieces together are exactly what `decode` gives. */
  stream(options?: DecodeOptions): TokenStream;
}

const CONFIG = "tokenizer_config.json";

/**
 * A tokenizer from the texts of `tokenizer.json` and, for its begin and end tokens, `tokenizer_config.json`.
 * Clean-up of spaces before punctuation is left out whatever the files say: it would make decoding lossy.
 * Throws `bad-file` for files that are wrong, `unsupported` for kinds the library does not build.
 */
export function loadTokenizer(tokenizerJson: string, tokenizerConfig?: string): Tokenizer {
  const file = readTokenizerFile(tokenizerJson);
  const config = readConfig(tokenizerConfig);
  const decoder = compileDecoder(file.decoder, "tokenizer.json");
  const hub = build(file.json, config.forLibrary);

  const idOf = (field: string, token: string | undefined): number | undefined => {
    const id = token === undefined ? undefined : file.idOf.get(token);
    if (token !== undefined && id === undefined) {
      throw new LabError("bad-file", `${CONFIG}: the ${field} ${showJson(token)} is not in the vocabulary`);
    }
    return id;
  };
  const bosId = idOf("bos_token", config.bos);
  const eosId = idOf("eos_token", config.eos);
  const special = new Set([...file.added].filter(([, isSpecial]) => isSpecial).map(([id]) => id));
  for (const token of config.special) {
    const id = file.idOf.get(token);
    if (id !== undefined) special.add(id);
  }
  const spelling: Spelling = {
    strip: decoder.strip,
    isSpecial: (id) => special.has(id),
    bytes(id, isFirst) {
      const token = file.tokens[id];
      return token === undefined ? undefined : decoder.spell(token, file.added.has(id), isFirst);
    },
  };
  return {
    vocabSize: file.tokens.length,
    bosId,
    eosIds: eosId === undefined ? [] : [eosId],
    encode(text, options = {}) {
      const { ids, tokens } = hub.encode(text, { add_special_tokens: options.addSpecial ?? true });
      return ids.map((id: unknown, i) => {
        if (typeof id === "number") return id;
        throw new LabError(
          "bad-file",
          `tokenizer.json: ${showJson(tokens[i])} has no token and there is no unk_token`,
        );
      });
    },
    decode: (ids, options) => decodeTokens(spelling, ids, options),
    piece: (id) => pieceText(spelling, id),
    isSpecial: (id) => special.has(id),
    stream: (options) => streamTokens(spelling, options),
  };
}

function build(json: object, config: object): HubTokenizer {
  try {
    return new HubTokenizer(json, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError("bad-file", `tokenizer.json: cannot be built (${reason})`);
  }
}

interface SpecialNames {
  readonly bos: string | undefined;
  readonly eos: string | undefined;
  readonly special: readonly string[];
  /** The fields that change how the library encodes. */
  readonly forLibrary: object;
}

function readConfig(text: string | undefined): SpecialNames {
  const json = text === undefined ? {} : parseStrictJson(text, CONFIG);
  if (!isJsonObject(json)) throw new LabError("bad-file", `${CONFIG} is ${showJson(json)}, not an object`);
  const eos = tokenName(json["eos_token"], "eos_token");
  const extra = json["additional_special_tokens"] ?? [];
  if (!Array.isArray(extra)) {
    throw new LabError("bad-file", `${CONFIG}: additional_special_tokens are ${showJson(extra)}, not a list`);
  }
  return {
    bos: tokenName(json["bos_token"], "bos_token"),
    eos,
    special: extra.flatMap((token) => tokenName(token, "additional_special_tokens") ?? []),
    forLibrary: {
      eos_token: eos,
      remove_space: json["remove_space"] === true,
      do_lowercase_and_remove_accent: json["do_lowercase_and_remove_accent"] === true,
    },
  };
}

/** A token as `"<s>"`, or in the older form `{content: "<s>"}`. */
function tokenName(value: Json | undefined, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  const name = isJsonObject(value) ? value["content"] : value;
  if (typeof name === "string") return name;
  throw new LabError("bad-file", `${CONFIG}: the ${field} is ${showJson(value)}, not a token`);
}
