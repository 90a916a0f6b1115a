import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";

export const decodeEmbedKernel = defineKernel({
  name: "decode_embed",
  bindings: { table: "read", ids: "read", x: "read_write" },
  uniforms: { n_batch: "u32", d_model: "u32", d_vocab: "u32" },
  elem: "table",
});

/**
 * The embedding of one token per row: x[b] = table[ids[b]].
 * table: [d_vocab, d_model] f32 or f16; ids: [B] u32, each below d_vocab; x: [B, d_model] f32. No gradient:
 * decoding never trains. Throws `shape`.
 */
export function decodeEmbed(r: Recorder, table: Tensor, ids: Tensor): Tensor {
  const [dVocab, dModel, nBatch] = [table.nRows, table.width, ids.size];
  expectDType("decodeEmbed", "table", table, "f32", "f16");
  expectShape("decodeEmbed", "table", table, [dVocab, dModel]);
  expectDType("decodeEmbed", "ids", ids, "u32");
  expectShape("decodeEmbed", "ids", ids, [nBatch]);
  const x = r.empty([nBatch, dModel], "f32", "decode_embed");
  r.dispatch(decodeEmbedKernel, {
    bind: { table, ids, x },
    uniforms: { n_batch: nBatch, d_model: dModel, d_vocab: dVocab },
    grid: [Math.ceil((nBatch * dModel) / 64)],
  });
  return x;
}

/** Float64 twin of `decodeEmbed`. */
export function decodeEmbedTwin(table: ArrayLike<number>, ids: ArrayLike<number>, dModel: number): Float64Array {
  return Float64Array.from({ length: ids.length * dModel }, (_, i) => table[ids[Math.floor(i / dModel)]! * dModel + (i % dModel)]!);
}
