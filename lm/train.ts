/**
 * The training step: forward, backward, clipping and AdamW recorded once per batch shape as one plan (two with
 * micro-batches) and replayed. Nothing is read back inside a step; losses gather on the device and are
 * fetched when asked for.
 */
import { accumulate } from "../gpu/ops/accumulate.ts";
import { crossEntropy } from "../gpu/ops/cross_entropy.ts";
import { writeAt } from "../gpu/ops/write_at.ts";
import { AdamW, type AdamWOptions } from "../gpu/optim/adamw.ts";
import type { Plan } from "../gpu/plan.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError } from "../lib/errors.ts";
import type { TrainBatch } from "./batch.ts";
import type { Transformer } from "./transformer.ts";
import { weightedLossAndGradients } from "./weighted_loss.ts";

export interface TrainerOptions extends AdamWOptions {
  /** Largest global gradient norm; 0 is no clipping. */
  readonly clip: number;
}

interface ShapePlans {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
  /** Forward, backward, clip and update in one: for a step of a single micro-batch. */
  readonly whole: Plan;
  /** Forward and backward into the gradient buffers; made when a step first has several micro-batches. */
  accumulate: Plan | undefined;
}

/** Losses kept on the device before they must be fetched. */
const lossCapacity = 1024;

export class Trainer {
  readonly model: Transformer;
  readonly optimizer: AdamW;
  private readonly options: TrainerOptions;
  private readonly plans = new Map<string, ShapePlans>();
  private readonly lossLog: Tensor;
  private nLogged = 0;
  private gradients: readonly Tensor[] | undefined;
  private update: Plan | undefined;

  constructor(model: Transformer, options: TrainerOptions) {
    this.model = model;
    this.options = options;
    const { parameters, weights } = model;
    // Gains are vectors, and an embedding row is as large as its word is frequent: neither should shrink.
    const decayed = (i: number): boolean =>
      parameters[i]!.shape.length > 1 && parameters[i] !== weights.embed && parameters[i] !== weights.head;
    this.optimizer = new AdamW(model.gpu, parameters, { decayed, ...options });
    this.lossLog = model.gpu.zeros([lossCapacity], "f32", "losses", "optimizer");
  }

  /**
   * One optimiser step on the sum of the micro-batches' losses (their weights must share one normaliser).
   * Returns at once; the work is queued. Throws `bad-param` when `losses` has not been called for 1,024 entries.
   */
  async step(batches: readonly TrainBatch[], lr: number): Promise<void> {
    if (this.nLogged + batches.length > lossCapacity) {
      throw new LabError("bad-param", `${this.nLogged} losses wait to be fetched, the device keeps ${lossCapacity}`);
    }
    if (batches.length === 1) {
      const plans = await this.feed(batches[0]!);
      plans.whole.run({ lr, lossIndex: this.nLogged++ });
      return;
    }
    let keep = 0;
    for (const batch of batches) {
      const plans = await this.feed(batch);
      plans.accumulate ??= await this.recordAccumulate(plans, batch);
      plans.accumulate.run({ keep, lossIndex: this.nLogged++ });
      keep = 1;
    }
    this.update ??= await this.recordUpdate();
    this.update.run({ lr });
  }

  /** Losses of all micro-batches since the last call, in order; waits for the queued work. */
  async losses(): Promise<Float32Array> {
    const all = await this.model.gpu.read(this.lossLog);
    const losses = all.slice(0, this.nLogged);
    this.nLogged = 0;
    return losses;
  }

  /** Dispatches of a step of that shape, once it has been run. */
  dispatchesPerStep(rows: number, length: number): number | undefined {
    return this.plans.get(`${rows}×${length}`)?.whole.nDispatches;
  }

  dispose(): void {
    const { gpu } = this.model;
    for (const { ids, targets, weights, whole, accumulate: part } of this.plans.values()) {
      gpu.free(ids, targets, weights);
      whole.dispose();
      part?.dispose();
    }
    this.update?.dispose();
    if (this.gradients) gpu.free(...this.gradients);
    gpu.free(this.lossLog);
    this.optimizer.dispose();
  }

  /** The plans of the batch's shape, with the batch in their inputs. */
  private async feed(batch: TrainBatch): Promise<ShapePlans> {
    const { gpu } = this.model;
    const key = `${batch.rows}×${batch.length}`;
    let plans = this.plans.get(key);
    if (plans === undefined) {
      const n = batch.rows * batch.length;
      const ids = gpu.zeros([n], "u32", "ids");
      const targets = gpu.zeros([n], "u32", "targets");
      const weights = gpu.zeros([n], "f32", "loss weights");
      const whole = await gpu.record(`training step ${key}`, (r) => {
        const gradients = this.recordGradients(r, batch, { ids, targets, weights });
        this.optimizer.recordStep(r, gradients, { lr: r.dynamic("lr"), maxNorm: this.options.clip });
      });
      plans = { ids, targets, weights, whole, accumulate: undefined };
      this.plans.set(key, plans);
    }
    gpu.write(plans.ids, batch.ids);
    gpu.write(plans.targets, batch.targets);
    gpu.write(plans.weights, batch.weights);
    return plans;
  }

  private recordGradients(
    r: Recorder,
    { rows, length }: TrainBatch,
    inputs: { readonly ids: Tensor; readonly targets: Tensor; readonly weights: Tensor },
  ): Tensor[] {
    const { parameters } = this.model;
    r.track(...parameters);
    const logits = this.model.forward(r, inputs.ids, { batch: rows, seqLen: length });
    const { loss } = crossEntropy(r, logits, inputs.targets, inputs.weights);
    writeAt(r, loss, this.lossLog, r.dynamic("lossIndex"));
    return r.gradients(loss, parameters);
  }

  private recordAccumulate(inputs: ShapePlans, batch: TrainBatch): Promise<Plan> {
    const { gpu, parameters } = this.model;
    this.gradients ??= parameters.map((p) => gpu.zeros(p.shape, "f32", `${p.label}.grad`, "optimizer"));
    const into = this.gradients;
    return gpu.record("gradients of a micro-batch", (r) => {
      const gradients = this.recordGradients(r, batch, inputs);
      gradients.forEach((g, i) => accumulate(r, g, into[i]!, r.dynamic("keep")));
    });
  }

  private recordUpdate(): Promise<Plan> {
    const gradients = this.gradients!;
    return this.model.gpu.record("update", (r) => {
      this.optimizer.recordStep(r, gradients, { lr: r.dynamic("lr"), maxNorm: this.options.clip });
    });
  }
}

/** Loss of a batch and the gradient of every tensor of the checkpoint, by name. */
export async function lossAndGradients(
  model: Transformer,
  batch: TrainBatch,
): Promise<{ loss: number; gradients: ReadonlyMap<string, Float32Array> }> {
  const { parameters } = model;
  const { loss, gradients: stored } = await weightedLossAndGradients(model, batch, parameters);
  const byTensor = new Map(parameters.map((p, i) => [p, stored[i]!]));
  const gradients = new Map(
    model.parts.map(({ name, shape, tensor, offset }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, byTensor.get(tensor)!.subarray(offset, offset + size)];
    }),
  );
  return { loss, gradients };
}
