import { LabError } from "../../lib/errors.ts";
import type { Gpu } from "../gpu.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import type { StepOptions } from "./adamw.ts";
import { newStepState, readStepState, recordPrepare, type StepReport } from "./gradient_norm.ts";

export const sgdKernel = defineKernel({
  name: "sgd",
  bindings: { grad: "read", state: "read", p: "read_write" },
  uniforms: { n: "u32", lr: "f32", decay: "f32" },
});

/**
 * Plain gradient descent over resident f32 parameters, in place: p ← p − lr·(g + decay·p), without momentum.
 * Clipping by global norm and skipping of non-finite gradients as in `AdamW`.
 */
export class Sgd {
  private readonly gpu: Gpu;
  private readonly params: readonly Tensor[];
  private readonly weightDecay: number;
  private readonly stepState: Tensor;

  /** Throws `shape` where a parameter is not f32. Parameters of one axis do not decay. */
  constructor(
    gpu: Gpu,
    params: readonly Tensor[],
    { weightDecay = 0 }: { readonly weightDecay?: number } = {},
  ) {
    params.forEach((p, i) => expectDType("Sgd", `parameter ${i} (${p.label})`, p, "f32"));
    this.gpu = gpu;
    this.params = params;
    this.weightDecay = weightDecay;
    this.stepState = newStepState(gpu);
  }

  /** Records one step. `grads[i]` has the shape of parameter i. Throws `shape`. */
  recordStep(r: Recorder, grads: readonly Tensor[], { lr, maxNorm = 0 }: StepOptions): void {
    const { params, stepState: state } = this;
    if (grads.length !== params.length) {
      throw new LabError(
        "shape",
        `Sgd: ${grads.length} gradients, expected ${params.length}, one per parameter`,
      );
    }
    grads.forEach((g, i) =>
      expectShape("Sgd", `gradient ${i} (of ${params[i]!.label})`, g, params[i]!.shape),
    );
    recordPrepare(r, grads, state, { maxNorm, betas: [0.5, 0.5] });
    params.forEach((p, i) => {
      r.dispatch(sgdKernel, {
        bind: { grad: grads[i]!, state, p },
        uniforms: { n: p.size, lr, decay: p.shape.length > 1 ? this.weightDecay : 0 },
        grid: fold(Math.ceil(p.size / 64)),
      });
    });
  }

  /** Waits for the GPU: steps taken, and norm and clip factor of the last. */
  report(): Promise<StepReport> {
    return readStepState(this.gpu, this.stepState);
  }

  dispose(): void {
    this.gpu.free(this.stepState);
  }
}
