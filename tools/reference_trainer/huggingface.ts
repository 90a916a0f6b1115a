/** Files of a checkpoint in Hugging Face layout, written from a recipe. */
import type { NamedTensor } from "../../lab/world/initial_weights.ts";
import type { ModelShape } from "../../lab/world/recipe.ts";
import { bosId, eosId, padId } from "../../lab/world/tokenizer.ts";

export const llamaConfig = (m: ModelShape): object => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: m.dVocab,
  hidden_size: m.dModel,
  intermediate_size: m.dMlp,
  num_hidden_layers: m.nLayer,
  num_attention_heads: m.nHead,
  num_key_value_heads: m.nKvHead,
  head_dim: m.dModel / m.nHead,
  max_position_embeddings: m.nCtx,
  rope_theta: m.ropeTheta,
  rope_scaling: null,
  rms_norm_eps: m.normEps,
  hidden_act: "silu",
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: true,
  bos_token_id: bosId,
  eos_token_id: eosId,
  pad_token_id: padId,
  initializer_range: 0.02,
  torch_dtype: "float16",
});

export const generationConfig = (): object => ({
  bos_token_id: bosId,
  eos_token_id: eosId,
  pad_token_id: padId,
  do_sample: true,
  temperature: 0.8,
  top_p: 0.95,
  max_new_tokens: 160,
});

/** A safetensors file of float32 tensors. */
export function safetensors(tensors: readonly NamedTensor[]): Buffer {
  const header: Record<string, object> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const t of tensors) {
    header[t.name] = { dtype: "F32", shape: t.shape, data_offsets: [offset, offset + t.data.byteLength] };
    offset += t.data.byteLength;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text + " ".repeat((8 - (text.length % 8)) % 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([size, padded, ...tensors.map((t) => Buffer.from(t.data.buffer))]);
}
