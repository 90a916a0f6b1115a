import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { rowWorkgroup } from "../row_tuning.ts";
import { expectDType, expectShape, shapeText, type Tensor } from "../tensor.ts";
import { fill } from "./fill.ts";
import { dotAll } from "./dot_all.ts";

export const crossEntropyKernel = defineKernel({
  name: "cross_entropy",
  bindings: { logits: "read", targets: "read", weights: "read", y: "read_write", lse: "read_write" },
  uniforms: { n_rows: "u32", d_vocab: "u32", sign: "f32" },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 256 }],
});

export const crossEntropyDxKernel = defineKernel({
  name: "cross_entropy_dx",
  bindings: { logits: "read", targets: "read", lse: "read", dy: "read", d_logits: "read_write" },
  uniforms: { n_rows: "u32", d_vocab: "u32", sign: "f32" },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 256 }],
});

export interface CrossEntropy {
  /** Σ_n weights[n]·nll[n]. [1] */
  readonly loss: Tensor;
  /** −log p(target) in nats, 0 in skipped rows. [N] */
  readonly nll: Tensor;
}

/**
 * Cross-entropy of one target per row: nll[n] = LSE(logits[n]) − logits[n, targets[n]], loss = Σ weights[n]·nll[n].
 * logits: [N, d_vocab] f32; targets: [N] u32; weights: [N] f32. For a mean over tokens give 1 / (number of scored
 * tokens of the whole batch) as weights. A row of weight 0 is skipped, whatever its target (0xffffffff is usual);
 * so is a row whose target is no column (targets are on the GPU, no guard sees them).
 * Gradient of the logits, from the loss or from nll: weights[n]·(p − onehot). Throws `shape`.
 * Source: methods reference B §1.1.
 */
export function crossEntropy(r: Recorder, logits: Tensor, targets: Tensor, weights: Tensor): CrossEntropy {
  expectShape("crossEntropy", "weights", weights, [logits.nRows]);
  expectDType("crossEntropy", "weights", weights, "f32");
  const nll = signedNll(r, "crossEntropy", logits, targets, weights, 1);
  return { loss: dotAll(r, weights, nll), nll };
}

/**
 * y[n] = log p(targets[n]) = logits[n, targets[n]] − LSE(logits[n]); 0 where the target is no column.
 * logits: [N, d_vocab] f32; targets: [N] u32; y: [N] f32. Gradient of the logits: onehot − p. Throws `shape`.
 */
export function logProbOf(r: Recorder, logits: Tensor, targets: Tensor): Tensor {
  return signedNll(r, "logProbOf", logits, targets, fill(r, [logits.nRows], 1), -1);
}

function signedNll(
  r: Recorder,
  op: string,
  logits: Tensor,
  targets: Tensor,
  weights: Tensor,
  sign: 1 | -1,
): Tensor {
  expectDType(op, "logits", logits, "f32");
  expectDType(op, "targets", targets, "u32");
  if (logits.shape.length !== 2)
    throw new LabError("shape", `${op}: logits is ${shapeText(logits)}, expected a matrix`);
  const [nRows, dVocab] = [logits.nRows, logits.width];
  expectShape(op, "targets", targets, [nRows]);
  const y = r.empty([nRows], "f32", op);
  const lse = r.empty([nRows], "f32", `${op}.lse`);
  const uniforms = { n_rows: nRows, d_vocab: dVocab, sign };
  const shared = { uniforms, grid: fold(nRows), constants: { WG_SIZE: rowWorkgroup(r.gpu.adapter, dVocab) } };
  r.dispatch(crossEntropyKernel, { bind: { logits, targets, weights, y, lse }, ...shared });
  r.onBackward(y, [logits], (dy) => {
    const dLogits = r.empty(logits.shape, "f32", `${op}.dx`);
    r.dispatch(crossEntropyDxKernel, { bind: { logits, targets, lse, dy, d_logits: dLogits }, ...shared });
    return [dLogits];
  });
  return y;
}

/** Float64 twin: nll of each row, 0 in rows of weight 0 or without a target. */
export function nllTwin(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  dVocab: number,
): Float64Array {
  return Float64Array.from({ length: targets.length }, (_, n) =>
    isScored(targets, weights, n, dVocab) ? rowLse(logits, n, dVocab) - logits[n * dVocab + targets[n]!]! : 0,
  );
}

/** Float64 twin of the gradient of Σ dy[n]·nll[n], skipping the rows that `nllTwin` skips. */
export function nllBackwardTwin(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  dy: ArrayLike<number>,
  dVocab: number,
): Float64Array {
  const d = new Float64Array(logits.length);
  for (let n = 0; n < targets.length; n++) {
    if (!isScored(targets, weights, n, dVocab)) continue;
    const lse = rowLse(logits, n, dVocab);
    for (let v = 0; v < dVocab; v++) {
      d[n * dVocab + v] = dy[n]! * (Math.exp(logits[n * dVocab + v]! - lse) - (v === targets[n] ? 1 : 0));
    }
  }
  return d;
}

const isScored = (
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  n: number,
  dVocab: number,
): boolean => weights[n] !== 0 && targets[n]! < dVocab;

/** log Σ exp of row n in float64. */
export function rowLse(logits: ArrayLike<number>, n: number, dVocab: number): number {
  let max = -Infinity;
  for (let v = 0; v < dVocab; v++) max = Math.max(max, logits[n * dVocab + v]!);
  let sum = 0;
  for (let v = 0; v < dVocab; v++) sum += Math.exp(logits[n * dVocab + v]! - max);
  return max + Math.log(sum);
}
