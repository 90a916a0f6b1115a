import { decodeAttention } from "../gpu/ops/decode_attention.ts";
import { decodeEmbed } from "../gpu/ops/decode_embed.ts";
import { decodeGateUp } from "../gpu/ops/decode_gate_up.ts";
import { decodeHead } from "../gpu/ops/decode_head.ts";
import { decodeProject } from "../gpu/ops/decode_project.ts";
import { decodeQkv } from "../gpu/ops/decode_qkv.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Dynamic } from "../gpu/step.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { KvCache } from "./kv_cache.ts";
import type { Transformer } from "./transformer.ts";

/**
 * One token for each row of the cache: ids u32 [B] at `position` → logits [B, d_vocab], in five dispatches a
 * layer and two around them. Models with biases outside q, k and v take the general path.
 */
export function recordDecodeStep(
  r: Recorder,
  model: Transformer,
  ids: Tensor,
  cache: KvCache,
  position: number | Dynamic,
): Tensor {
  const { config, weights } = model;
  if (config.attentionBias || config.mlpBias) {
    return model.forward(r, ids, { batch: cache.batch, seqLen: 1, position, cache });
  }
  const { nHead, nKvHead, dHead, normEps: eps } = config;
  let x = decodeEmbed(r, weights.embed, ids);
  weights.layers.forEach((layer, i) => {
    const [k, v] = [cache.keys[i]!, cache.values[i]!];
    const q = decodeQkv(r, x, layer.norm1, layer.qkv, model.ropeTable, k, v, { nHead, nKvHead, dHead, eps, position });
    const z = decodeAttention(r, q, k, v, { nHead, nKvHead, dHead, position });
    x = decodeProject(r, z, layer.o, x);
    const h = decodeGateUp(r, x, layer.norm2, layer.gateUp, eps);
    x = decodeProject(r, h, layer.down, x);
  });
  return decodeHead(r, x, weights.normFinal, weights.head, eps);
}
