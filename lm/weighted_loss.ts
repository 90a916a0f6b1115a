import { crossEntropy } from "../gpu/ops/cross_entropy.ts";
import type { TrainBatch } from "./batch.ts";
import type { Transformer } from "./transformer.ts";

/** Σ weights·nll of a batch, without gradients: one number is read back. */
export async function weightedLoss(model: Transformer, batch: TrainBatch): Promise<number> {
  const { gpu } = model;
  const n = batch.rows * batch.length;
  const ids = gpu.upload(batch.ids, [n], "ids");
  const targets = gpu.upload(batch.targets, [n], "targets");
  const weights = gpu.upload(batch.weights, [n], "loss weights");
  try {
    const [loss] = await gpu.compute("loss", (r) => {
      const logits = model.forward(r, ids, { batch: batch.rows, seqLen: batch.length });
      return [crossEntropy(r, logits, targets, weights).loss];
    });
    return loss![0]!;
  } finally {
    gpu.free(ids, targets, weights);
  }
}
