/** Broken or hostile configs, and weights that do not fit theirs, each kind with the error it must give. */
import { checkTensors, expectedTensors, parseConfig } from "../config.ts";
import { configText } from "./testing/files.ts";
import { type Kind, describeHostile } from "./testing/hostile.ts";

const config = (fields: Record<string, unknown>) => () => parseConfig(configText(fields));
const weights = (edit: (shapes: Map<string, { dtype: string; shape: readonly number[] }>) => void) => () => {
  const parsed = parseConfig(configText());
  const shapes = new Map(
    [...expectedTensors(parsed)].map(([name, shape]) => [name, { dtype: "F32", shape }]),
  );
  edit(shapes);
  checkTensors(parsed, shapes);
};

const configs: Kind[] = [
  ["not JSON", () => parseConfig("hidden_size: 4"), "bad-file", "config.json: not valid JSON"],
  ["array", () => parseConfig("[]"), "bad-file", "config.json is an array of 0, not an object"],
  [
    "field given twice",
    () => parseConfig('{"hidden_size":4,"hidden_size":8}'),
    "bad-file",
    'key "hidden_size" is given twice',
  ],
  [
    "nested too deep",
    () => parseConfig(`{"a":${"[".repeat(100_000)}`),
    "bad-file",
    "config.json: nested deeper than 64",
  ],
  [
    "prototype as a key",
    () => parseConfig('{"__proto__":{"hidden_size":4}}'),
    "bad-file",
    'config.json has a key "__proto__"',
  ],
  ["another architecture", config({ model_type: "gpt2" }), "unsupported", 'model_type is "gpt2"'],
  [
    "no architecture",
    config({ model_type: undefined }),
    "bad-file",
    "model_type is missing, expected a string",
  ],
  ["no width", config({ hidden_size: undefined }), "bad-file", "hidden_size is missing, expected a number"],
  ["width as text", config({ hidden_size: "16" }), "bad-file", 'hidden_size is "16", expected a number'],
  [
    "width and a half",
    config({ hidden_size: 16.5 }),
    "bad-file",
    "hidden_size is 16.5, expected a whole number",
  ],
  ["no layers", config({ num_hidden_layers: 0 }), "bad-file", "num_hidden_layers is 0, expected at least 1"],
  [
    "negative heads",
    config({ num_attention_heads: -4 }),
    "bad-file",
    "num_attention_heads is -4, expected at least 1",
  ],
  [
    "absurd vocabulary",
    config({ vocab_size: 2 ** 40 }),
    "bad-file",
    "vocab_size is 1099511627776, expected at most",
  ],
  [
    "infinite theta",
    () => parseConfig(configText().replace("{", '{"rope_theta":1e999,')),
    "bad-file",
    "rope_theta is Infinity",
  ],
  ["negative theta", config({ rope_theta: -1 }), "bad-file", "rope_theta is -1, expected more than 0"],
  ["epsilon of 0", config({ rms_norm_eps: 0 }), "bad-file", "rms_norm_eps is 0, expected more than 0"],
  [
    "tie that is text",
    config({ tie_word_embeddings: "yes" }),
    "bad-file",
    'tie_word_embeddings is "yes", expected a boolean',
  ],
  [
    "end token that is text",
    config({ eos_token_id: "</s>" }),
    "bad-file",
    'eos_token_id is "</s>", expected a token id or',
  ],
  [
    "negative begin token",
    config({ bos_token_id: -1 }),
    "bad-file",
    "bos_token_id is -1, expected at least 0",
  ],
  [
    "end token outside",
    config({ eos_token_id: [2, 13] }),
    "bad-file",
    "token id 13 lies outside the vocabulary of 13",
  ],
  [
    "heads that do not group",
    config({ num_attention_heads: 4, num_key_value_heads: 3 }),
    "bad-file",
    "4 heads cannot share 3",
  ],
  [
    "width not a multiple of heads",
    config({ hidden_size: 18 }),
    "bad-file",
    "hidden_size 18 is not a multiple of its 4 heads",
  ],
  ["odd head", config({ head_dim: 5 }), "bad-file", "head_dim is 5; rotary"],
  [
    "sizes that overflow",
    config({ hidden_size: 2 ** 17, intermediate_size: 2 ** 20, num_hidden_layers: 4096 }),
    "bad-file",
    "parameters, more than the lab can address",
  ],
  ["another activation", config({ hidden_act: "gelu" }), "unsupported", 'hidden_act is "gelu"'],
  [
    "linear scaling",
    config({ rope_scaling: { type: "linear", factor: 2 } }),
    "unsupported",
    'rope_scaling asks for "linear"',
  ],
  [
    "yarn, new spelling",
    config({ rope_parameters: { rope_type: "yarn", rope_theta: 1e4 } }),
    "unsupported",
    'rope_parameters asks for "yarn"',
  ],
  [
    "scaling that is text",
    config({ rope_scaling: "linear" }),
    "bad-file",
    'rope_scaling is "linear", not an object',
  ],
  [
    "theta of 0, new spelling",
    config({ rope_parameters: { rope_theta: 0 } }),
    "bad-file",
    "rope_parameters has a rope_theta of 0",
  ],
  [
    "two thetas",
    config({ rope_theta: 1e4, rope_parameters: { rope_theta: 1e6 } }),
    "bad-file",
    "given as 10000 and again in rope_parameters as 1000000",
  ],
  [
    "half-rotated heads",
    config({ rope_parameters: { partial_rotary_factor: 0.5 } }),
    "unsupported",
    "partial_rotary_factor is 0.5",
  ],
  [
    "quantised",
    config({ quantization_config: { bits: 4 } }),
    "unsupported",
    "quantised weights are not read",
  ],
  [
    "tensor missing",
    weights((t) => t.delete("model.norm.weight")),
    "bad-file",
    "Missing: model.norm.weight.",
  ],
  [
    "tensor too much",
    weights((t) => t.set("model.extra", { dtype: "F32", shape: [1] })),
    "bad-file",
    "Not part of this model: model.extra.",
  ],
  [
    "tensor misshapen",
    weights((t) => t.set("model.norm.weight", { dtype: "F32", shape: [4, 4] })),
    "bad-file",
    "model.norm.weight is [4,4], expected [16]",
  ],
  [
    "tensor of integers",
    weights((t) => t.set("model.norm.weight", { dtype: "I64", shape: [16] })),
    "unsupported",
    "tensor model.norm.weight is I64",
  ],
];

describeHostile("configs", configs);
