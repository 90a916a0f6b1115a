/**
 * The sizes of a Llama-family model, read from and written as Hugging Face `config.json`, and what follows from
 * them: the tensors a checkpoint must hold, parameters, bytes.
 * Source: `LlamaConfig` and `LlamaForCausalLM` of huggingface/transformers.
 */
import { z } from "zod";
import { LabError } from "../lib/errors.ts";
import { isFloatDtype } from "./checkpoint/dtypes.ts";
import { type Json, isJsonObject, parseStrictJson, showJson } from "./checkpoint/strict_json.ts";

/** Everything is in elements, not bytes. */
export interface LlamaConfig {
  readonly nLayer: number;
  readonly nHead: number;
  /** Heads of keys and values; query heads κ·G … κ·G+G−1 share head κ, with G = nHead / nKvHead. */
  readonly nKvHead: number;
  readonly dModel: number;
  /** Width of a head; nHead·dHead need not equal dModel. */
  readonly dHead: number;
  readonly dMlp: number;
  readonly dVocab: number;
  /** Longest sequence the model was made for. */
  readonly nCtx: number;
  readonly ropeTheta: number;
  readonly normEps: number;
  /** Logits are made with the embedding matrix. */
  readonly tieEmbeddings: boolean;
  /** Biases on q, k, v and o. */
  readonly attentionBias: boolean;
  /** Biases on gate, up and down. */
  readonly mlpBias: boolean;
  readonly bosTokenId: number | undefined;
  readonly eosTokenIds: readonly number[];
}

const FILE = "config.json";
/** 2³⁸ parameters: half a terabyte in f16; beyond it a size is a mistake or an attack. */
const MAX_PARAMETERS = 2 ** 38;

const size = (max: number): z.ZodNumber => z.number().int().min(1).max(max);
const tokenId = z.number().int().min(0);

/** The fields that matter, as Hugging Face spells them; others pass. */
const schema = z.looseObject({
  model_type: z.string(),
  num_hidden_layers: size(2 ** 12),
  num_attention_heads: size(2 ** 12),
  num_key_value_heads: size(2 ** 12).nullish(),
  hidden_size: size(2 ** 17),
  head_dim: size(2 ** 13).nullish(),
  intermediate_size: size(2 ** 20),
  vocab_size: size(2 ** 22),
  max_position_embeddings: size(2 ** 26).default(2048),
  rope_theta: z.number().positive().nullish(),
  rms_norm_eps: z.number().positive().max(0.1).default(1e-6),
  hidden_act: z.string().default("silu"),
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
});

/** A parsed config, before the last decision: undefined where the file leaves the tie open. */
type RawConfig = z.infer<typeof schema>;

/**
 * Text of a `config.json` → sizes. Where it does not say whether the embeddings are tied they are exactly when
 * the checkpoint, given as its tensors by name, has no `lm_head.weight`; without a checkpoint they are not, as
 * in the Llama class. Throws `bad-file` for a config that is wrong, `unsupported` for one that asks for
 * something the lab cannot do.
 */
export function parseConfig(text: string, tensors?: { has(name: string): boolean }): LlamaConfig {
  const json = parseStrictJson(text, FILE);
  if (!isJsonObject(json)) throw new LabError("bad-file", `${FILE} is ${showJson(json)}, not an object`);
  if (Object.hasOwn(json, "__proto__")) throw new LabError("bad-file", `${FILE} has a key "__proto__"`);
  if (json["model_type"] !== undefined && json["model_type"] !== "llama") {
    throw new LabError(
      "unsupported",
      `${FILE}: model_type is ${showJson(json["model_type"])}; the lab reads "llama"`,
      "Choose a model of the Llama family.",
    );
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new LabError("bad-file", sentenceOf(parsed.error, json));
  const raw = parsed.data;
  const unsupported = (what: string): LabError => new LabError("unsupported", `${FILE}: ${what}`);
  if (raw["quantization_config"] != null)
    throw unsupported("quantization_config is set; quantised weights are not read");
  if (raw.hidden_act !== "silu")
    throw unsupported(`hidden_act is ${showJson(raw.hidden_act)}; the lab has "silu"`);

  const nHead = raw.num_attention_heads;
  const nKvHead = raw.num_key_value_heads ?? nHead;
  const dModel = raw.hidden_size;
  if (nHead % nKvHead !== 0) {
    throw new LabError("bad-file", `${FILE}: ${nHead} heads cannot share ${nKvHead} key-value heads evenly`);
  }
  if (raw.head_dim == null && dModel % nHead !== 0) {
    throw new LabError("bad-file", `${FILE}: hidden_size ${dModel} is not a multiple of its ${nHead} heads`);
  }
  const dHead = raw.head_dim ?? dModel / nHead;
  if (dHead % 2 !== 0)
    throw new LabError("bad-file", `${FILE}: head_dim is ${dHead}; rotary positions need an even one`);

  const config: LlamaConfig = {
    nLayer: raw.num_hidden_layers,
    nHead,
    nKvHead,
    dModel,
    dHead,
    dMlp: raw.intermediate_size,
    dVocab: raw.vocab_size,
    nCtx: raw.max_position_embeddings,
    ropeTheta: ropeThetaOf(raw),
    normEps: raw.rms_norm_eps,
    tieEmbeddings: raw.tie_word_embeddings ?? (tensors ? !tensors.has("lm_head.weight") : false),
    attentionBias: raw.attention_bias,
    mlpBias: raw.mlp_bias,
    bosTokenId: raw.bos_token_id ?? undefined,
    eosTokenIds: raw.eos_token_id == null ? [] : [raw.eos_token_id].flat(),
  };
  const nParameters = countParameters(config);
  if (nParameters > MAX_PARAMETERS) {
    throw new LabError(
      "bad-file",
      `${FILE}: its sizes multiply to ${nParameters} parameters, more than the lab can address`,
    );
  }
  for (const id of [config.bosTokenId ?? 0, ...config.eosTokenIds]) {
    if (id >= config.dVocab) {
      throw new LabError(
        "bad-file",
        `${FILE}: token id ${id} lies outside the vocabulary of ${config.dVocab}`,
      );
    }
  }
  return config;
}

/** The first problem as a sentence: which field, what it is, what it should be. */
function sentenceOf(error: z.ZodError, json: { [key: string]: Json }): string {
  const issue = error.issues[0];
  const field = String(issue?.path[0] ?? "");
  const got = Object.hasOwn(json, field) ? showJson(json[field]) : "missing";
  let expected = issue?.message ?? "something else";
  if (issue?.code === "too_small")
    expected = `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
  if (issue?.code === "too_big") expected = `at most ${issue.maximum}`;
  if (issue?.code === "invalid_type")
    expected = issue.expected === "int" ? "a whole number" : `a ${issue.expected}`;
  if (issue?.code === "invalid_union") expected = "a token id or an array of them";
  return `${FILE}: ${field} is ${got}, expected ${expected}`;
}

/**
 * Base of the rotary positions, from `rope_theta` or the newer `rope_parameters`. Throws `unsupported` by name
 * for every scaling but "default".
 */
function ropeThetaOf(raw: RawConfig): number {
  const unsupported = (what: string): LabError => new LabError("unsupported", `${FILE}: ${what}`);
  let theta = raw.rope_theta ?? undefined;
  for (const field of ["rope_scaling", "rope_parameters"]) {
    const rope = raw[field];
    if (rope === undefined || rope === null) continue;
    if (!isJsonObject(rope))
      throw new LabError("bad-file", `${FILE}: ${field} is ${showJson(rope)}, not an object`);
    const type = rope["rope_type"] ?? rope["type"] ?? "default";
    if (type !== "default") {
      throw unsupported(
        `${field} asks for ${showJson(type)} scaling of the positions; the lab has "default"`,
      );
    }
    const partial = rope["partial_rotary_factor"] ?? 1;
    if (partial !== 1)
      throw unsupported(`partial_rotary_factor is ${showJson(partial)}; the lab rotates whole heads`);
    const own = rope["rope_theta"];
    if (own === undefined || own === null) continue;
    if (typeof own !== "number" || !(own > 0) || own === Infinity) {
      throw new LabError(
        "bad-file",
        `${FILE}: ${field} has a rope_theta of ${showJson(own)}, expected a positive number`,
      );
    }
    if (theta !== undefined && theta !== own) {
      throw new LabError(
        "bad-file",
        `${FILE}: rope_theta is given as ${theta} and again in ${field} as ${own}`,
      );
    }
    theta = own;
  }
  return theta ?? 10000;
}

/** Name → shape of every tensor the model needs, as Hugging Face names them; matrices are [out, in]. */
export function expectedTensors(config: LlamaConfig): Map<string, readonly number[]> {
  const { dModel, dMlp } = config;
  const dQuery = config.nHead * config.dHead;
  const dKey = config.nKvHead * config.dHead;
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [config.dVocab, dModel]]]);
  const linear = (name: string, out: number, into: number, hasBias: boolean): void => {
    shapes.set(`${name}.weight`, [out, into]);
    if (hasBias) shapes.set(`${name}.bias`, [out]);
  };
  for (let layer = 0; layer < config.nLayer; layer++) {
    const block = `model.layers.${layer}`;
    shapes.set(`${block}.input_layernorm.weight`, [dModel]);
    linear(`${block}.self_attn.q_proj`, dQuery, dModel, config.attentionBias);
    linear(`${block}.self_attn.k_proj`, dKey, dModel, config.attentionBias);
    linear(`${block}.self_attn.v_proj`, dKey, dModel, config.attentionBias);
    linear(`${block}.self_attn.o_proj`, dModel, dQuery, config.attentionBias);
    shapes.set(`${block}.post_attention_layernorm.weight`, [dModel]);
    linear(`${block}.mlp.gate_proj`, dMlp, dModel, config.mlpBias);
    linear(`${block}.mlp.up_proj`, dMlp, dModel, config.mlpBias);
    linear(`${block}.mlp.down_proj`, dModel, dMlp, config.mlpBias);
  }
  shapes.set("model.norm.weight", [dModel]);
  if (!config.tieEmbeddings) shapes.set("lm_head.weight", [config.dVocab, dModel]);
  return shapes;
}

/** What a header says of a tensor. */
export interface TensorShape {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Compares a checkpoint with its config; throws one `bad-file` that names what is missing, too much or of the
 * wrong shape (the first four of each), `unsupported` for element types that are no floats. Ignores
 * `rotary_emb.inv_freq`, and a spare `lm_head.weight` beside tied embeddings, as transformers does.
 */
export function checkTensors(config: LlamaConfig, tensors: ReadonlyMap<string, TensorShape>): void {
  const expected = expectedTensors(config);
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of expected) {
    const got = tensors.get(name);
    if (!got) missing.push(name);
    else if (got.shape.join() !== shape.join())
      misshapen.push(`${name} is [${got.shape}], expected [${shape}]`);
    else if (!isFloatDtype(got.dtype)) {
      throw new LabError("unsupported", `tensor ${name} is ${got.dtype}; the lab reads F32, F16 and BF16`);
    }
  }
  const unexpected = [...tensors.keys()].filter(
    (name) =>
      !expected.has(name) &&
      !name.endsWith("rotary_emb.inv_freq") &&
      !(config.tieEmbeddings && name === "lm_head.weight"),
  );
  const problems = [
    listed("Missing", missing),
    listed("Not part of this model", unexpected),
    listed("Of the wrong shape", misshapen),
  ].filter((sentence) => sentence !== "");
  if (problems.length > 0) {
    throw new LabError("bad-file", `The weights do not fit ${FILE}. ${problems.join(" ")}`);
  }
}

function listed(heading: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const more = items.length > 4 ? `, and ${items.length - 4} more` : "";
  return `${heading}: ${items.slice(0, 4).join(", ")}${more}.`;
}

/**
 * Number of parameters:
 * V·D·(tied ? 1 : 2) + D + L·(2D + 2·D·H·d + 2·D·K·d + 3·D·I [+ H·d + 2·K·d + D] [+ 2·I + D]).
 */
export function countParameters(config: LlamaConfig): number {
  const { dModel, dMlp, dVocab } = config;
  const dQuery = config.nHead * config.dHead;
  const dKey = config.nKvHead * config.dHead;
  const attentionBias = config.attentionBias ? dQuery + 2 * dKey + dModel : 0;
  const mlpBias = config.mlpBias ? 2 * dMlp + dModel : 0;
  const block =
    2 * dModel + 2 * dModel * dQuery + 2 * dModel * dKey + 3 * dModel * dMlp + attentionBias + mlpBias;
  return dVocab * dModel * (config.tieEmbeddings ? 1 : 2) + dModel + config.nLayer * block;
}

/** Bytes of the weights, and of the keys and values of one token, when kept as `dtype`. */
export function memoryBytes(
  config: LlamaConfig,
  dtype: "f32" | "f16",
): { readonly weights: number; readonly kvPerToken: number } {
  const itemBytes = dtype === "f32" ? 4 : 2;
  return {
    weights: countParameters(config) * itemBytes,
    kvPerToken: 2 * config.nLayer * config.nKvHead * config.dHead * itemBytes,
  };
}

/** The text of a `config.json` that `parseConfig` and transformers read; `dtype` is that of the weights beside it. */
export function toHuggingFace(config: LlamaConfig, dtype: "float32" | "float16" = "float32"): string {
  const [firstEos, ...moreEos] = config.eosTokenIds;
  const json = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: config.dModel,
    intermediate_size: config.dMlp,
    num_hidden_layers: config.nLayer,
    num_attention_heads: config.nHead,
    num_key_value_heads: config.nKvHead,
    head_dim: config.dHead,
    vocab_size: config.dVocab,
    max_position_embeddings: config.nCtx,
    rms_norm_eps: config.normEps,
    rope_theta: config.ropeTheta,
    hidden_act: "silu",
    tie_word_embeddings: config.tieEmbeddings,
    attention_bias: config.attentionBias,
    mlp_bias: config.mlpBias,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: firstEos === undefined ? null : moreEos.length === 0 ? firstEos : config.eosTokenIds,
    torch_dtype: dtype,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
