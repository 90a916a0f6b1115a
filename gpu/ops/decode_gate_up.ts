import { LabError } from "../../lib/errors.ts";
import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { shapeText, type Tensor } from "../tensor.ts";
import { expectNormedProduct, isAligned, productTwin, rowLaunch, rowPermutations } from "./decode_rows.ts";
import { rmsNormTwin } from "./rms_norm.ts";

const declaration = {
  bindings: { x: "read", norm_weight: "read", w: "read", y: "read_write" },
  uniforms: { n_batch: "u32", d_in: "u32", d_mlp: "u32", eps: "f32" },
  elem: "w",
  permutations: rowPermutations,
} as const;
export const decodeGateUpKernel = defineKernel({ name: "decode_gate_up", ...declaration });
export const decodeGateUpUnalignedKernel = defineKernel({ name: "decode_gate_up_unaligned", ...declaration });

/**
 * silu(n·w_gateᵀ) ⊙ (n·w_upᵀ) with n = rmsNorm(x), for a few rows.
 * x: [B, d_model] f32; normWeight: [d_model] f32; wGateUp: [2 d_mlp, d_model] f32 or f16, gate rows first;
 * result: [B, d_mlp] f32. No gradient: decoding never trains. Throws `shape`.
 * Source: Shazeer 2020 (arXiv 2002.05202), eq. 6.
 */
export function decodeGateUp(r: Recorder, x: Tensor, normWeight: Tensor, wGateUp: Tensor, eps: number): Tensor {
  const [nBatch, dIn, dMlp] = [x.nRows, x.width, wGateUp.nRows / 2];
  expectNormedProduct("decodeGateUp", x, normWeight, wGateUp, "wGateUp");
  if (!Number.isInteger(dMlp)) {
    throw new LabError("shape", `decodeGateUp: wGateUp is ${shapeText(wGateUp)}, expected as many gate rows as up rows`);
  }
  const y = r.empty([nBatch, dMlp], "f32", "decode_gate_up");
  r.dispatch(isAligned(dIn) ? decodeGateUpKernel : decodeGateUpUnalignedKernel, {
    bind: { x, norm_weight: normWeight, w: wGateUp, y },
    uniforms: { n_batch: nBatch, d_in: dIn, d_mlp: dMlp, eps },
    ...rowLaunch(r, dIn, Math.ceil(dMlp / 2), nBatch),
  });
  return y;
}

/** Float64 twin of `decodeGateUp`. */
export function decodeGateUpTwin(
  x: ArrayLike<number>,
  normWeight: ArrayLike<number>,
  wGateUp: ArrayLike<number>,
  eps: number,
): Float64Array {
  const dIn = normWeight.length;
  const dMlp = wGateUp.length / dIn / 2;
  const z = productTwin(rmsNormTwin(x, normWeight, eps), wGateUp, dIn);
  const y = new Float64Array(z.length / 2);
  for (let i = 0; i < y.length; i++) {
    const at = Math.floor(i / dMlp) * 2 * dMlp + (i % dMlp);
    y[i] = (z[at]! / (1 + Math.exp(-z[at]!))) * z[at + dMlp]!;
  }
  return y;
}
