import { LabError } from "../lib/errors.ts";

/** Target that counts for nothing. */
export const noTarget = 0xffffffff;

/**
 * Sequences to learn from, row-major [B·T]. The loss is Σ weights·nll, so the weights carry both the mask and
 * the normaliser: whatever is averaged over, it was divided by when the weights were made.
 */
export interface TrainBatch {
  readonly rows: number;
  readonly length: number;
  readonly ids: Uint32Array;
  /** Id that each position should predict, `noTarget` where nothing is asked. */
  readonly targets: Uint32Array;
  readonly weights: Float32Array;
}

/** One sequence with a flag for every token that counts as a target; the first never does. */
export interface MaskedSequence {
  readonly ids: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
}

/**
 * Next-token prediction: position t is asked for ids[t+1] where mask[t+1] is set; shorter sequences are padded
 * at the end with id 0. Every target weighs 1 / nTargets, by default the number in these sequences (token
 * mean); give the total of all micro-batches when there are several.
 * Throws `bad-param` when nothing is a target.
 */
export function nextTokenBatch(sequences: readonly MaskedSequence[], nTargets = countTargets(sequences)): TrainBatch {
  const rows = sequences.length;
  const length = Math.max(...sequences.map(({ ids }) => ids.length));
  if (!(nTargets > 0)) throw new LabError("bad-param", "no token of the batch counts as a target", "Check the masks.");
  const ids = new Uint32Array(rows * length);
  const targets = new Uint32Array(rows * length).fill(noTarget);
  const weights = new Float32Array(rows * length);
  sequences.forEach((sequence, b) => {
    for (let t = 0; t < sequence.ids.length; t++) {
      ids[b * length + t] = sequence.ids[t]!;
      if (t === 0 || !sequence.mask[t]) continue;
      targets[b * length + t - 1] = sequence.ids[t]!;
      weights[b * length + t - 1] = 1 / nTargets;
    }
  });
  return { rows, length, ids, targets, weights };
}

/** Tokens that count as targets. */
export function countTargets(sequences: readonly MaskedSequence[]): number {
  let n = 0;
  for (const { ids, mask } of sequences) for (let t = 1; t < ids.length; t++) if (mask[t]) n++;
  return n;
}
