import { LabError } from "../../lib/errors.ts";
import { piecePattern, pieces } from "./pretokenize.ts";
import { vocabulary } from "./vocabulary.ts";

export const specialTokens = ["<pad>", "<bos>", "<eos>", "<unk>", "<user>", "<bot>"] as const;
export const padId = 0;
export const bosId = 1;
export const eosId = 2;
export const unkId = 3;

/** Every printable ASCII character and the newline: what any other word is spelled with. */
export const characters: readonly string[] = Object.freeze([
  "\n",
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)),
]);

/** The tokens by id: special tokens, single characters, then the words of the world. */
export const tokens: readonly string[] = Object.freeze([...specialTokens, ...characters, ...vocabulary]);

const ids: ReadonlyMap<string, number> = new Map(tokens.map((token, id) => [token, id]));

/** Ids of a text, without `<bos>`; the same as the Hugging Face tokenizer with `add_special_tokens: false`. */
export function encode(text: string): number[] {
  const out: number[] = [];
  for (const part of text.split(specialPattern)) {
    if (part === "") continue;
    const special = part.startsWith("<") ? ids.get(part) : undefined;
    if (special !== undefined && special < specialTokens.length) {
      out.push(special);
      continue;
    }
    for (const piece of pieces(part)) {
      const id = ids.get(piece);
      if (id !== undefined) out.push(id);
      else for (const character of piece) out.push(ids.get(character) ?? unkId);
    }
  }
  return out;
}

const specialPattern = new RegExp(`(${specialTokens.join("|")})`);

/** Text of ids. Throws `bad-param` for an id that is not in the vocabulary. */
export function decode(list: Iterable<number>, options: { readonly skipSpecial?: boolean } = {}): string {
  let text = "";
  for (const id of list) {
    const token = tokens[id];
    if (token === undefined)
      throw new LabError("bad-param", `decode: id ${id} is not in the vocabulary of ${tokens.length}.`);
    if (options.skipSpecial === true && id < specialTokens.length) continue;
    text += token;
  }
  return text;
}

/**
 * `tokenizer.json` in the Hugging Face layout: a BPE without merges in which a piece found in the vocabulary is taken
 * whole (`ignore_merges`) and any other is left as characters; decoding joins the tokens as they are.
 */
export function tokenizerJson(): object {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: piecePattern }, behavior: "Isolated", invert: false },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<bos>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "<bos>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { Sequence: { id: "B", type_id: 0 } },
      ],
      special_tokens: { "<bos>": { id: "<bos>", ids: [bosId], tokens: ["<bos>"] } },
    },
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** `tokenizer_config.json`; spaces before punctuation are never cleaned away. */
export function tokenizerConfig(contextLength: number): object {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<bos>",
    eos_token: "<eos>",
    pad_token: "<pad>",
    unk_token: "<unk>",
    add_bos_token: true,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    model_max_length: contextLength,
  };
}
