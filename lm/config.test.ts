import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configText } from "./checkpoint/testing/files.ts";
import {
  type LlamaConfig,
  checkTensors,
  countParameters,
  expectedTensors,
  memoryBytes,
  parseConfig,
  toHuggingFace,
} from "./config.ts";

const parse = (fields: Record<string, unknown> = {}, tensors?: { has(name: string): boolean }): LlamaConfig =>
  parseConfig(configText(fields), tensors);

describe("parameters", () => {
  // Published configurations; the counts are those of the published checkpoints.
  test.each([
    ["SmolLM2-135M", 576, 30, 9, 3, 64, 1536, 49152, 134_515_008],
    ["SmolLM2-360M", 960, 32, 15, 5, 64, 2560, 49152, 361_821_120],
    ["Llama-3.2-1B", 2048, 16, 32, 8, 64, 8192, 128256, 1_235_814_400],
    ["stories260K", 64, 5, 8, 4, 8, 172, 512, 260_032],
  ])("%s", (_name, hidden, layers, heads, kvHeads, headDim, mlp, words, count) => {
    const config = parse({
      hidden_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      intermediate_size: mlp,
      vocab_size: words,
    });
    expect(config.dHead).toBe(headDim);
    expect(countParameters(config)).toBe(count);
  });

  test("without tie, with a head width of its own, with biases: by hand", () => {
    const base = parse();
    // V=13 D=16 L=2 H=4 K=2 d=4 I=24: 208 + 16 + 2·(32 + 512 + 256 + 1152)
    expect(countParameters(base)).toBe(4128);
    expect(countParameters({ ...base, tieEmbeddings: false })).toBe(4128 + 208);
    // + 2·(2·16·4·2 + 2·16·2·2)
    expect(countParameters({ ...base, dHead: 6 })).toBe(4128 + 768);
    // + 2·(16 + 2·8 + 16) and + 2·(2·24 + 16)
    expect(countParameters({ ...base, attentionBias: true })).toBe(4128 + 96);
    expect(countParameters({ ...base, mlpBias: true })).toBe(4128 + 128);
  });

  test("bytes: weights, and keys and values of one token", () => {
    // 2 (k and v) · 2 layers · 2 heads · 4 wide
    expect(memoryBytes(parse(), "f32")).toEqual({ weights: 16_512, kvPerToken: 128 });
    expect(memoryBytes(parse(), "f16")).toEqual({ weights: 8256, kvPerToken: 64 });
  });
});

describe("parseConfig", () => {
  test("every field", () => {
    expect(
      parse({ rope_theta: 1e5, bos_token_id: 1, eos_token_id: [2, 3], attention_bias: true, head_dim: 8 }),
    ).toEqual({
      nLayer: 2,
      nHead: 4,
      nKvHead: 2,
      dModel: 16,
      dHead: 8,
      dMlp: 24,
      dVocab: 13,
      nCtx: 32,
      ropeTheta: 100_000,
      normEps: 1e-5,
      tieEmbeddings: true,
      attentionBias: true,
      mlpBias: false,
      bosTokenId: 1,
      eosTokenIds: [2, 3],
    });
  });

  test("what may be left out or null", () => {
    const config = parse({
      num_key_value_heads: null,
      head_dim: null,
      bos_token_id: null,
      eos_token_id: null,
      rope_scaling: null,
      rms_norm_eps: undefined,
      max_position_embeddings: undefined,
      pretraining_tp: 1,
    });
    expect(config).toMatchObject({ nKvHead: 4, dHead: 4, ropeTheta: 10_000, normEps: 1e-6, nCtx: 2048 });
    expect([config.bosTokenId, config.eosTokenIds]).toEqual([undefined, []]);
    expect(parse({ eos_token_id: 2 }).eosTokenIds).toEqual([2]);
  });

  test("positions in the newer spelling, alone or beside the older", () => {
    const rope_parameters = { rope_theta: 1e6, rope_type: "default", partial_rotary_factor: 1 };
    expect(parse({ rope_parameters }).ropeTheta).toBe(1e6);
    expect(parse({ rope_parameters, rope_theta: 1e6 }).ropeTheta).toBe(1e6);
    expect(parse({ rope_theta: 1e6, rope_scaling: { type: "default" } }).ropeTheta).toBe(1e6);
  });

  test("the tie: as said, else as the weights are, else none", () => {
    const left = { tie_word_embeddings: undefined };
    const withHead = new Set(["lm_head.weight"]);
    expect(parse(left, withHead).tieEmbeddings).toBe(false);
    expect(parse(left, new Set()).tieEmbeddings).toBe(true);
    expect(parse(left).tieEmbeddings).toBe(false);
    expect(parse({ tie_word_embeddings: true }, withHead).tieEmbeddings).toBe(true);
    expect(parse({ tie_word_embeddings: false }, new Set()).tieEmbeddings).toBe(false);
  });
});

/** Any config that the lab accepts. */
const anyConfig: fc.Arbitrary<LlamaConfig> = fc
  .record({
    nLayer: fc.integer({ min: 1, max: 5 }),
    nKvHead: fc.integer({ min: 1, max: 5 }),
    group: fc.integer({ min: 1, max: 4 }),
    dModel: fc.integer({ min: 1, max: 99 }),
    halfHead: fc.integer({ min: 1, max: 9 }),
    dMlp: fc.integer({ min: 1, max: 99 }),
    dVocab: fc.integer({ min: 5, max: 999 }),
    nCtx: fc.integer({ min: 1, max: 9999 }),
    ropeTheta: fc.double({ min: 1, max: 1e7, noNaN: true }),
    normEps: fc.constantFrom(1e-5, 1e-6),
    tieEmbeddings: fc.boolean(),
    attentionBias: fc.boolean(),
    mlpBias: fc.boolean(),
    bosTokenId: fc.option(fc.nat(4), { nil: undefined }),
    eosTokenIds: fc.array(fc.nat(4), { maxLength: 3 }),
  })
  .map(({ group, halfHead, ...rest }) => ({ ...rest, nHead: rest.nKvHead * group, dHead: 2 * halfHead }));

describe("properties", () => {
  test("what was written is read back", () => {
    fc.assert(
      fc.property(anyConfig, (config) => void expect(parseConfig(toHuggingFace(config))).toEqual(config)),
    );
  });

  test("the expected tensors add up to the parameters", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        let n = 0;
        for (const shape of expectedTensors(config).values()) n += shape.reduce((a, b) => a * b, 1);
        expect(n).toBe(countParameters(config));
      }),
    );
  });
});

describe("checkTensors", () => {
  const config = parse({ attention_bias: true, head_dim: 6 });
  const full = (): Map<string, { dtype: string; shape: readonly number[] }> =>
    new Map([...expectedTensors(config)].map(([name, shape]) => [name, { dtype: "BF16", shape }]));

  test("names and shapes, as Hugging Face has them", () => {
    const shapes = expectedTensors({ ...config, nLayer: 1, tieEmbeddings: false, mlpBias: true });
    expect(Object.fromEntries(shapes)).toEqual({
      "model.embed_tokens.weight": [13, 16],
      "model.layers.0.input_layernorm.weight": [16],
      "model.layers.0.self_attn.q_proj.weight": [24, 16],
      "model.layers.0.self_attn.q_proj.bias": [24],
      "model.layers.0.self_attn.k_proj.weight": [12, 16],
      "model.layers.0.self_attn.k_proj.bias": [12],
      "model.layers.0.self_attn.v_proj.weight": [12, 16],
      "model.layers.0.self_attn.v_proj.bias": [12],
      "model.layers.0.self_attn.o_proj.weight": [16, 24],
      "model.layers.0.self_attn.o_proj.bias": [16],
      "model.layers.0.post_attention_layernorm.weight": [16],
      "model.layers.0.mlp.gate_proj.weight": [24, 16],
      "model.layers.0.mlp.gate_proj.bias": [24],
      "model.layers.0.mlp.up_proj.weight": [24, 16],
      "model.layers.0.mlp.up_proj.bias": [24],
      "model.layers.0.mlp.down_proj.weight": [16, 24],
      "model.layers.0.mlp.down_proj.bias": [16],
      "model.norm.weight": [16],
      "lm_head.weight": [13, 16],
    });
  });

  test("accepts what fits, old position buffers and a spare head beside a tie", () => {
    const tensors = full();
    tensors.set("model.layers.0.self_attn.rotary_emb.inv_freq", { dtype: "F32", shape: [3] });
    tensors.set("lm_head.weight", { dtype: "F32", shape: [13, 16] });
    expect(() => checkTensors(config, tensors)).not.toThrow();
  });

  test("says everything that is wrong at once, and cuts long lists", () => {
    const tensors = full();
    tensors.set("model.norm.weight", { dtype: "F32", shape: [17] });
    tensors.set("extra", { dtype: "F32", shape: [] });
    for (const name of [...tensors.keys()].filter((name) => name.includes("layers.1.self")))
      tensors.delete(name);
    expect(() => checkTensors(config, tensors)).toThrow(
      "The weights do not fit config.json. Missing: model.layers.1.self_attn.q_proj.weight, " +
        "model.layers.1.self_attn.q_proj.bias, model.layers.1.self_attn.k_proj.weight, " +
        "model.layers.1.self_attn.k_proj.bias, and 4 more. Not part of this model: extra. " +
        "Of the wrong shape: model.norm.weight is [17], expected [16].",
    );
  });
});
