import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { expectNormedProduct, isAligned, productTwin, rowLaunch, rowPermutations } from "./decode_rows.ts";
import { rmsNormTwin } from "./rms_norm.ts";

const declaration = {
  bindings: { x: "read", norm_weight: "read", w: "read", y: "read_write" },
  uniforms: { n_batch: "u32", d_in: "u32", n_rows: "u32", eps: "f32" },
  elem: "w",
  permutations: rowPermutations,
} as const;
export const decodeHeadKernel = defineKernel({ name: "decode_head", ...declaration });
export const decodeHeadUnalignedKernel = defineKernel({ name: "decode_head_unaligned", ...declaration });

/**
 * logits = rmsNorm(x)·wHeadᵀ for a few rows.
 * x: [B, d_model] f32; normWeight: [d_model] f32; wHead: [d_vocab, d_model] f32 or f16 (the tied embedding or
 * the head's own matrix); logits: [B, d_vocab] f32. No gradient: decoding never trains. Throws `shape`.
 */
export function decodeHead(r: Recorder, x: Tensor, normWeight: Tensor, wHead: Tensor, eps: number): Tensor {
  const [nBatch, dIn, nRows] = [x.nRows, x.width, wHead.nRows];
  expectNormedProduct("decodeHead", x, normWeight, wHead, "wHead");
  const y = r.empty([nBatch, nRows], "f32", "decode_head");
  r.dispatch(isAligned(dIn) ? decodeHeadKernel : decodeHeadUnalignedKernel, {
    bind: { x, norm_weight: normWeight, w: wHead, y },
    uniforms: { n_batch: nBatch, d_in: dIn, n_rows: nRows, eps },
    ...rowLaunch(r, dIn, Math.ceil(nRows / 4), nBatch),
  });
  return y;
}

/** Float64 twin of `decodeHead`. */
export function decodeHeadTwin(
  x: ArrayLike<number>,
  normWeight: ArrayLike<number>,
  wHead: ArrayLike<number>,
  eps: number,
): Float64Array {
  return productTwin(rmsNormTwin(x, normWeight, eps), wHead, normWeight.length);
}
