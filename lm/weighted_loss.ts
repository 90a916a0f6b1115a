import { crossEntropy } from "../gpu/ops/cross_entropy.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { TrainBatch } from "./batch.ts";
import type { Transformer } from "./transformer.ts";

/** Σ weights·nll of a batch, without gradients: one number is read back. */
export async function weightedLoss(model: Transformer, batch: TrainBatch): Promise<number> {
  return (await weightedLossAndGradients(model, batch, [])).loss;
}

/** Σ weights·nll of a batch and its gradient with respect to each of `parameters`, read back. */
export async function weightedLossAndGradients(
  model: Transformer,
  batch: TrainBatch,
  parameters: readonly Tensor[],
): Promise<{ loss: number; gradients: readonly Float32Array[] }> {
  const { gpu } = model;
  const n = batch.rows * batch.length;
  const ids = gpu.upload(batch.ids, [n], "ids");
  const targets = gpu.upload(batch.targets, [n], "targets");
  const weights = gpu.upload(batch.weights, [n], "loss weights");
  try {
    const [sum, ...gradients] = await gpu.compute("loss", (r) => {
      r.track(...parameters);
      const logits = model.forward(r, ids, { batch: batch.rows, seqLen: batch.length });
      const { loss } = crossEntropy(r, logits, targets, weights);
      return parameters.length === 0 ? [loss] : [loss, ...r.gradients(loss, parameters)];
    });
    return { loss: sum![0]!, gradients };
  } finally {
    gpu.free(ids, targets, weights);
  }
}
