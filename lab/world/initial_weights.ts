import { hashString, normalAt } from "../../lib/random.ts";
import type { ModelShape } from "./recipe.ts";

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Names and shapes of a Llama checkpoint in Hugging Face layout, tied embeddings. */
export function checkpointLayout(
  m: ModelShape,
): { readonly name: string; readonly shape: readonly number[] }[] {
  const d = m.dModel / m.nHead;
  const layers = Array.from({ length: m.nLayer }, (_, i) => {
    const p = `model.layers.${i}.`;
    return [
      { name: `${p}input_layernorm.weight`, shape: [m.dModel] },
      { name: `${p}self_attn.q_proj.weight`, shape: [m.nHead * d, m.dModel] },
      { name: `${p}self_attn.k_proj.weight`, shape: [m.nKvHead * d, m.dModel] },
      { name: `${p}self_attn.v_proj.weight`, shape: [m.nKvHead * d, m.dModel] },
      { name: `${p}self_attn.o_proj.weight`, shape: [m.dModel, m.nHead * d] },
      { name: `${p}post_attention_layernorm.weight`, shape: [m.dModel] },
      { name: `${p}mlp.gate_proj.weight`, shape: [m.dMlp, m.dModel] },
      { name: `${p}mlp.up_proj.weight`, shape: [m.dMlp, m.dModel] },
      { name: `${p}mlp.down_proj.weight`, shape: [m.dModel, m.dMlp] },
    ];
  });
  return [
    { name: "model.embed_tokens.weight", shape: [m.dVocab, m.dModel] },
    ...layers.flat(),
    { name: "model.norm.weight", shape: [m.dModel] },
  ];
}

/**
 * Initial weights, the same bits everywhere: element i of a matrix is std · normalAt(seed, hash of its name, i) in
 * float32; std 0.02, for the two matrices that write into the residual stream 0.02 / √(2 · nLayer); norms are 1.
 */
export function initialWeights(m: ModelShape, seed: number): NamedTensor[] {
  return checkpointLayout(m).map(({ name, shape }) => {
    const data = new Float32Array(shape.reduce((n, s) => n * s, 1));
    if (shape.length === 1) data.fill(1);
    else {
      const isResidual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      const std = isResidual ? 0.02 / Math.sqrt(2 * m.nLayer) : 0.02;
      const stream = hashString(name);
      for (let i = 0; i < data.length; i++) data[i] = std * normalAt(seed, stream, i);
    }
    return { name, shape, data };
  });
}
