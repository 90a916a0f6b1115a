/**
 * The parameters of a Llama-family model on the device. Matrices that are always used together are stored as
 * one tensor (q|k|v and gate|up, rows below each other), so that one matmul serves them; `parts` says which
 * rows of which tensor carry which name of the checkpoint.
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { expectedTensors, type LlamaConfig } from "./config.ts";

export interface LayerWeights {
  /** [d_model] */
  readonly norm1: Tensor;
  /** [(H + 2K)·D, d_model]: query heads, then key heads, then value heads. */
  readonly qkv: Tensor;
  readonly qkvBias: Tensor | undefined;
  /** [d_model, H·D] */
  readonly o: Tensor;
  readonly oBias: Tensor | undefined;
  readonly norm2: Tensor;
  /** [2·d_mlp, d_model]: gate rows, then up rows. */
  readonly gateUp: Tensor;
  readonly gateUpBias: Tensor | undefined;
  /** [d_model, d_mlp] */
  readonly down: Tensor;
  readonly downBias: Tensor | undefined;
}

export interface Weights {
  /** [d_vocab, d_model] */
  readonly embed: Tensor;
  readonly layers: readonly LayerWeights[];
  readonly normFinal: Tensor;
  /** [d_vocab, d_model]; the same tensor as `embed` where they are tied. */
  readonly head: Tensor;
}

/** Rows of a stored tensor that are one tensor of the checkpoint. */
export interface Part {
  /** Name in the checkpoint. */
  readonly name: string;
  /** Shape in the checkpoint. */
  readonly shape: readonly number[];
  readonly tensor: Tensor;
  /** First element of the part inside `tensor`. */
  readonly offset: number;
}

/** Allocates zeroed f32 parameters for `config`, with their names. */
export function allocateWeights(gpu: Gpu, config: LlamaConfig): { weights: Weights; parts: readonly Part[] } {
  const shapes = expectedTensors(config);
  const parts: Part[] = [];
  const stack = (label: string, names: readonly string[]): Tensor | undefined => {
    const present = names.filter((name) => shapes.has(name));
    if (present.length === 0) return undefined;
    const rows = present.map((name) => shapes.get(name)!);
    const nRows = rows.reduce((sum, shape) => sum + shape[0]!, 0);
    const tensor = gpu.zeros([nRows, ...rows[0]!.slice(1)], "f32", label, "weights");
    let offset = 0;
    present.forEach((name, i) => {
      parts.push({ name, shape: rows[i]!, tensor, offset });
      offset += rows[i]!.reduce((a, b) => a * b, 1);
    });
    return tensor;
  };
  const embed = stack("embed", ["model.embed_tokens.weight"])!;
  const layers = Array.from({ length: config.nLayer }, (_, i): LayerWeights => {
    const block = `model.layers.${i}`;
    const both = (label: string, stems: readonly string[]) => ({
      weight: stack(`${i}.${label}`, stems.map((stem) => `${block}.${stem}.weight`))!,
      bias: stack(`${i}.${label}.bias`, stems.map((stem) => `${block}.${stem}.bias`)),
    });
    const norm1 = both("norm1", ["input_layernorm"]).weight;
    const qkv = both("qkv", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]);
    const o = both("o", ["self_attn.o_proj"]);
    const norm2 = both("norm2", ["post_attention_layernorm"]).weight;
    const gateUp = both("gate_up", ["mlp.gate_proj", "mlp.up_proj"]);
    const down = both("down", ["mlp.down_proj"]);
    return {
      norm1,
      qkv: qkv.weight,
      qkvBias: qkv.bias,
      o: o.weight,
      oBias: o.bias,
      norm2,
      gateUp: gateUp.weight,
      gateUpBias: gateUp.bias,
      down: down.weight,
      downBias: down.bias,
    };
  });
  const normFinal = stack("norm_final", ["model.norm.weight"])!;
  const head = stack("head", ["lm_head.weight"]) ?? embed;
  return { weights: { embed, layers, normFinal, head }, parts };
}

/** Every stored tensor once, in checkpoint order. */
export function storedTensors(parts: readonly Part[]): readonly Tensor[] {
  return [...new Set(parts.map((part) => part.tensor))];
}
