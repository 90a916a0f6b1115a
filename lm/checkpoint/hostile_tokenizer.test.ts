/** Broken or hostile tokenizer files, each kind with the error it must give. */
import { loadTokenizer } from "../tokenizer.ts";
import { readLlama2cTokenizer } from "./llama2c_tokenizer.ts";
import { tokenizerText } from "./testing/files.ts";
import { type Kind, describeHostile } from "./testing/hostile.ts";

const load =
  (fields: Record<string, unknown>, model: Record<string, unknown> = {}) =>
  () =>
    loadTokenizer(tokenizerText(fields, model));
const vocab = (entries: Record<string, unknown>) => load({}, { vocab: entries, merges: [] });
const added = (token: unknown) => load({ added_tokens: [token] });
const unigram = (model: Record<string, unknown>) =>
  load(
    { added_tokens: [] },
    {
      type: "Unigram",
      vocab: [
        ["a", 0],
        ["b", -1],
      ],
      unk_id: 0,
      ...model,
    },
  );

const steps = (...decoders: unknown[]) => load({ decoder: { type: "Sequence", decoders } });
const replace = { type: "Replace", pattern: { String: "ab" }, content: "" };

const tokenizers: Kind[] = [
  [
    "far too long",
    () => loadTokenizer(" ".repeat(2 ** 27 + 1)),
    "bad-file",
    "134217729 characters, more than",
  ],
  [
    "far too many added tokens",
    load({ added_tokens: Array(2 ** 17 + 1).fill(null) }),
    "bad-file",
    "131073 added tokens, more than",
  ],
  [
    "decoder that replaces across tokens",
    steps({ type: "Fuse" }, replace),
    "unsupported",
    '"Replace" of "ab" after "Fuse"',
  ],
  [
    "decoder that replaces in bytes",
    steps({ type: "ByteLevel" }, replace),
    "unsupported",
    'the decoder step "Replace" after bytes',
  ],
  ["not JSON", () => loadTokenizer("BPE"), "bad-file", "tokenizer.json: not valid JSON"],
  ["text", () => loadTokenizer('"BPE"'), "bad-file", 'it is "BPE", not an object'],
  ["no model", load({ model: undefined }), "bad-file", "its model is nothing"],
  ["model that is a list", load({ model: [] }), "bad-file", "its model is an array of 0"],
  [
    "nested too deep",
    () => loadTokenizer(`{"model":${'{"a":'.repeat(100_000)}`),
    "bad-file",
    "tokenizer.json: nested deeper",
  ],
  [
    "model given twice",
    () => loadTokenizer('{"model":{},"model":{}}'),
    "bad-file",
    'the key "model" is given twice',
  ],
  [
    "token given twice",
    () => loadTokenizer('{"model":{"type":"BPE","vocab":{"a":0,"a":1}}}'),
    "bad-file",
    'the key "a" is given twice',
  ],
  [
    "prototype as a key",
    () => loadTokenizer('{"model":{"__proto__":{"type":"BPE"}}}'),
    "bad-file",
    'it has a key "__proto__"',
  ],
  [
    "word-level model",
    load({}, { type: "WordLevel" }),
    "unsupported",
    'its model is of the type "WordLevel"',
  ],
  [
    "unknown model",
    load({}, { type: "constructor" }),
    "unsupported",
    'its model is of the type "constructor"',
  ],
  [
    "no type and no merges",
    load({}, { type: undefined, merges: undefined }),
    "bad-file",
    "no type, nor merges",
  ],
  ["vocab that is text", load({}, { vocab: "abc" }), "bad-file", 'its vocab is "abc"'],
  [
    "vocab that is a list",
    load({}, { vocab: ["a"] }),
    "bad-file",
    "its vocab is an array of 1, not an object",
  ],
  ["empty vocab", vocab({}), "bad-file", "its vocab is empty"],
  ["negative id", vocab({ a: -1 }), "bad-file", 'token "a" has the negative id -1'],
  ["fractional id", vocab({ a: 0.5 }), "bad-file", 'token "a" has the id 0.5'],
  ["id that is text", vocab({ a: "1" }), "bad-file", 'token "a" has the id "1"'],
  ["id far too large", vocab({ a: 4e9 }), "bad-file", "the id 4000000000, beyond the"],
  ["id given twice", vocab({ a: 1, b: 1 }), "bad-file", 'tokens "a" and "b" share the id 1'],
  ["no merges", load({}, { merges: undefined }), "bad-file", "its merges are nothing"],
  ["merge of one", load({}, { merges: ["ab"] }), "bad-file", 'merge 0 is "ab", not a pair'],
  ["merge of three", load({}, { merges: [["a", "b", "a"]] }), "bad-file", "merge 0 is an array of 3"],
  ["merge of numbers", load({}, { merges: [[1, 2]] }), "bad-file", "merge 0 is an array of 2"],
  ["merge of an unknown token", load({}, { merges: ["a q"] }), "bad-file", 'merge 0 names "q"'],
  ["merge into nothing", load({}, { merges: ["b a"] }), "bad-file", 'merge 0 makes "ba", which has no id'],
  [
    "unknown token unknown",
    load({}, { unk_token: "<unk>" }),
    "bad-file",
    'its unk_token "<unk>" is not in its vocab',
  ],
  [
    "prefixed BPE",
    load({}, { continuing_subword_prefix: "##" }),
    "unsupported",
    'the continuing_subword_prefix "##"',
  ],
  ["suffixed BPE", load({}, { end_of_word_suffix: "</w>" }), "unsupported", 'the end_of_word_suffix "</w>"'],
  ["dropout", load({}, { dropout: 0.1 }), "unsupported", "a BPE model with dropout"],
  [
    "WordPiece without an unknown token",
    load({}, { type: "WordPiece", continuing_subword_prefix: "##" }),
    "bad-file",
    "the unk_token of its WordPiece model, null,",
  ],
  [
    "WordPiece without a prefix",
    load({}, { type: "WordPiece", unk_token: "a" }),
    "bad-file",
    "its continuing_subword_prefix is nothing",
  ],
  [
    "piece without a score",
    unigram({ vocab: [["<unk>"]] }),
    "bad-file",
    "piece 0 of its vocab is not a pair",
  ],
  [
    "piece given twice",
    unigram({
      vocab: [
        ["a", 0],
        ["a", -1],
      ],
    }),
    "bad-file",
    'the piece "a" is in its vocab twice',
  ],
  ["no pieces", unigram({ vocab: [] }), "bad-file", "its vocab has 0 pieces"],
  ["unknown piece outside", unigram({ unk_id: 9 }), "bad-file", "its unk_id is 9, not one of its 2"],
  [
    "Unigram with bytes",
    unigram({ byte_fallback: true }),
    "unsupported",
    "a Unigram model with byte_fallback",
  ],
  [
    "added tokens that are an object",
    load({ added_tokens: {} }),
    "bad-file",
    "its added_tokens are an object",
  ],
  ["added token that is text", added("<x>"), "bad-file", 'added token 0 is "<x>", not an object'],
  ["added token without content", added({ id: 9 }), "bad-file", "added token 0 has no content"],
  [
    "added token of 5,000 characters",
    added({ id: 9, content: "x".repeat(5000) }),
    "bad-file",
    "is 5000 characters long",
  ],
  ["added token without id", added({ content: "<x>" }), "bad-file", 'token "<x>" has the id nothing'],
  [
    "added token with a flag of text",
    added({ id: 9, content: "<x>", lstrip: "no" }),
    "bad-file",
    'the lstrip of added token "<x>" is "no"',
  ],
  [
    "added token on another's id",
    added({ id: 1, content: "<x>" }),
    "bad-file",
    'takes the id 1, which is that of "a"',
  ],
  ["added token with a second id", added({ id: 9, content: "a" }), "bad-file", "has the id 9, but 1 before"],
  [
    "unknown normalizer",
    load({ normalizer: { type: "Evil" } }),
    "unsupported",
    'its normalizer is of the type "Evil"',
  ],
  [
    "normalizer that is text",
    load({ normalizer: "NFC" }),
    "bad-file",
    'its normalizer is "NFC", not an object',
  ],
  [
    "unknown pre-tokenizer",
    load({ pre_tokenizer: { type: "UnicodeScripts" } }),
    "unsupported",
    'pre_tokenizer is of the type "UnicodeScripts"',
  ],
  [
    "sequence without steps",
    load({ pre_tokenizer: { type: "Sequence" } }),
    "bad-file",
    "a sequence without pretokenizers",
  ],
  [
    "sequence with a null",
    load({ normalizer: { type: "Sequence", normalizers: [null] } }),
    "bad-file",
    "a step of its normalizer is null",
  ],
  [
    "split without a pattern",
    load({ pre_tokenizer: { type: "Split" } }),
    "bad-file",
    "a Split step has the pattern nothing",
  ],
  [
    "pattern far too long",
    load({ pre_tokenizer: { type: "Split", pattern: { Regex: "a".repeat(20_001) } } }),
    "bad-file",
    "a pattern of 20001 characters",
  ],
  [
    "pattern that is no expression",
    load({ pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } }),
    "bad-file",
    "tokenizer.json: cannot be built (",
  ],
  [
    "unknown post-processor",
    load({ post_processor: { type: "Evil" } }),
    "unsupported",
    'its post_processor is of the type "Evil"',
  ],
  [
    "template of a token that is none",
    load({ post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<s>" } }] } }),
    "bad-file",
    'its template puts in "<s>"',
  ],
  [
    "template of something else",
    load({ post_processor: { type: "TemplateProcessing", single: [{}] } }),
    "bad-file",
    "neither a special token nor the sequence A",
  ],
  [
    "no template",
    load({ post_processor: { type: "TemplateProcessing" } }),
    "bad-file",
    "its template is nothing",
  ],
  [
    "BERT frame of a token that is none",
    load({ post_processor: { type: "BertProcessing", sep: ["[SEP]", 1], cls: ["a", 1] } }),
    "bad-file",
    'has as sep "[SEP]"',
  ],
  ["speech decoder", load({ decoder: { type: "CTC" } }), "unsupported", 'the decoder step "CTC"'],
  [
    "unknown decoder in a sequence",
    load({ decoder: { type: "Sequence", decoders: [{ type: "Evil" }] } }),
    "unsupported",
    'the decoder step "Evil"',
  ],
  ["decoder that is text", load({ decoder: "ByteLevel" }), "bad-file", 'a decoder is "ByteLevel"'],
  [
    "decoder sequence without steps",
    load({ decoder: { type: "Sequence" } }),
    "bad-file",
    "the decoder sequence has no list",
  ],
  [
    "decoder sequence with a null",
    load({ decoder: { type: "Sequence", decoders: [null] } }),
    "bad-file",
    "a decoder of the sequence is null",
  ],
  [
    "decoder by regular expression",
    load({ decoder: { type: "Replace", pattern: { Regex: "a*" }, content: "" } }),
    "unsupported",
    "replaces by a regular expression",
  ],
  [
    "decoder that replaces nothing",
    load({ decoder: { type: "Replace", pattern: { String: "" }, content: "x" } }),
    "bad-file",
    'the decoder replaces "" by "x"',
  ],
  [
    "decoder that strips the end",
    load({
      decoder: {
        type: "Sequence",
        decoders: [{ type: "Fuse" }, { type: "Strip", content: " ", start: 0, stop: 1 }],
      },
    }),
    "unsupported",
    'decoder step "Strip" other than',
  ],
  [
    "end token that is a number",
    () => loadTokenizer(tokenizerText(), '{"eos_token":3}'),
    "bad-file",
    "the eos_token is 3, not a token",
  ],
  [
    "end token that is unknown",
    () => loadTokenizer(tokenizerText(), '{"eos_token":"</s>"}'),
    "bad-file",
    'the eos_token "</s>" is not in the vocabulary',
  ],
  [
    "tokenizer_config that is a list",
    () => loadTokenizer(tokenizerText(), "[]"),
    "bad-file",
    "tokenizer_config.json is an array of 0",
  ],
  [
    "special tokens that are text",
    () => loadTokenizer(tokenizerText(), '{"additional_special_tokens":"<x>"}'),
    "bad-file",
    'additional_special_tokens are "<x>"',
  ],
  [
    "text the vocabulary cannot spell",
    () => unigram({ unk_id: null })().encode("q"),
    "bad-file",
    "has no token and there is no unk_token",
  ],
];

const tokens =
  (longest: number, entries: readonly (readonly [score: number, length: number, bytes: number])[]) => () => {
    const bytes: number[] = [];
    const put = (set: (view: DataView) => void): void => {
      const view = new DataView(new ArrayBuffer(4));
      set(view);
      bytes.push(...new Uint8Array(view.buffer));
    };
    put((view) => view.setInt32(0, longest, true));
    for (const [score, length, n] of entries) {
      put((view) => view.setFloat32(0, score, true));
      put((view) => view.setInt32(0, length, true));
      for (let i = 0; i < n; i++) bytes.push(97);
    }
    return readLlama2cTokenizer(Uint8Array.from(bytes));
  };

const llama2c: Kind[] = [
  ["empty", () => readLlama2cTokenizer(new Uint8Array(0)), "bad-file", "0 bytes are too few for its head"],
  ["longest token of −1", tokens(-1, []), "bad-file", "declared as -1 bytes"],
  ["too few tokens", tokens(4, [[0, 1, 1]]), "bad-file", "1 tokens; it needs"],
  ["negative length", tokens(4, [[0, -1, 0]]), "bad-file", "token 0 is -1 bytes long"],
  [
    "length beyond the longest",
    tokens(4, [[0, 5, 5]]),
    "bad-file",
    "token 0 is 5 bytes long, the longest is 4",
  ],
  ["cut short in a token", tokens(4, [[0, 4, 2]]), "bad-file", "it ends inside token 0"],
  [
    "cut short in a head",
    () => readLlama2cTokenizer(Uint8Array.of(4, 0, 0, 0, 1)),
    "bad-file",
    "inside the head of token 0",
  ],
  [
    "score that is no number",
    tokens(4, [[Number.NaN, 1, 1]]),
    "bad-file",
    "the score of token 0 is not a number",
  ],
];

describeHostile("tokenizers", tokenizers);
describeHostile("llama2.c tokenizers", llama2c);
