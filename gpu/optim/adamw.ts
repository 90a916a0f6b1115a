import { LabError } from "../../lib/errors.ts";
import type { Gpu } from "../gpu.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, type Tensor } from "../tensor.ts";
import { newStepState, readStepState, recordPrepare, type StepReport } from "./gradient_norm.ts";

export const adamwKernel = defineKernel({
  name: "adamw",
  bindings: { grad: "read", state: "read", p: "read_write", m: "read_write", v: "read_write" },
  uniforms: {
    n: "u32",
    lr: "f32",
    beta1: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
    decay: "f32",
  },
});

export interface AdamWOptions {
  /** Decay rates of the first and second moment. Default [0.9, 0.95]. */
  readonly betas?: readonly [number, number];
  /** Added to √v̂, outside the root and after the correction. Default 1e-8. */
  readonly eps?: number;
  /** Decoupled decay, multiplied by the learning rate. Default 0. */
  readonly weightDecay?: number;
  /** Whether parameter `i` decays. Default: those with two axes or more, so no gains and no biases. */
  readonly decayed?: (i: number) => boolean;
}

export interface StepOptions {
  readonly lr: number | Dynamic;
  /** Largest global gradient norm; 0 or absent is no clipping. */
  readonly maxNorm?: number | Dynamic;
}

export interface Moments {
  readonly m: Tensor;
  readonly v: Tensor;
}

/**
 * AdamW over resident f32 parameters, updated in place, with moments and step count on the GPU: forward, backward,
 * clipping and update fit in one plan and nothing is read back.
 *
 *   m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − lr·(m̂/(√v̂ + eps) + decay·p)
 *
 * A step with a gradient that is NaN or infinite is skipped: parameters, m, v and the step count stay as they were.
 * The count is on the GPU because only the GPU knows of the skip; the corrections are computed there from t·ln β.
 * Source: Loshchilov & Hutter 2019 (arXiv 1711.05101), Algorithm 2; methods reference B §1.2 and §1.3.
 */
export class AdamW {
  private readonly gpu: Gpu;
  private readonly params: readonly Tensor[];
  private readonly moments: readonly Moments[];
  private readonly stepState: Tensor;
  private readonly options: Required<AdamWOptions>;

  /** Throws `shape` where a parameter is not f32, `bad-param` where an option is out of range. */
  constructor(gpu: Gpu, params: readonly Tensor[], options: AdamWOptions = {}) {
    params.forEach((p, i) => expectDType("AdamW", `parameter ${i} (${p.label})`, p, "f32"));
    const { betas = [0.9, 0.95], eps = 1e-8, weightDecay = 0, decayed } = options;
    if (!(betas.every((b) => b > 0 && b < 1) && eps > 0 && weightDecay >= 0)) {
      throw new LabError(
        "bad-param",
        `AdamW: betas ${betas.join(", ")}, eps ${eps}, weightDecay ${weightDecay}; expected 0 < beta < 1, eps > 0, weightDecay ≥ 0`,
      );
    }
    this.gpu = gpu;
    this.params = params;
    this.options = { betas, eps, weightDecay, decayed: decayed ?? ((i) => params[i]!.shape.length > 1) };
    this.stepState = newStepState(gpu);
    const zeros = (p: Tensor, name: string): Tensor =>
      gpu.zeros(p.shape, "f32", `${p.label}.${name}`, "optimizer");
    this.moments = params.map((p) => ({ m: zeros(p, "m"), v: zeros(p, "v") }));
  }

  /** Records one step. `grads[i]` has the shape of parameter i. Throws `shape`. */
  recordStep(r: Recorder, grads: readonly Tensor[], { lr, maxNorm = 0 }: StepOptions): void {
    const { params, moments, stepState: state } = this;
    if (grads.length !== params.length) {
      throw new LabError(
        "shape",
        `AdamW: ${grads.length} gradients, expected ${params.length}, one per parameter`,
      );
    }
    const { betas, eps, weightDecay, decayed } = this.options;
    grads.forEach((g, i) =>
      expectShape("AdamW", `gradient ${i} (of ${params[i]!.label})`, g, params[i]!.shape),
    );
    recordPrepare(r, grads, state, { maxNorm, betas });
    params.forEach((p, i) => {
      r.dispatch(adamwKernel, {
        bind: { grad: grads[i]!, state, p, ...moments[i]! },
        uniforms: {
          n: p.size,
          lr,
          beta1: betas[0],
          one_minus_beta1: 1 - betas[0],
          beta2: betas[1],
          one_minus_beta2: 1 - betas[1],
          eps,
          decay: decayed(i) ? weightDecay : 0,
        },
        grid: fold(Math.ceil(p.size / 64)),
      });
    });
  }

  /** The moments of each parameter, resident, to be written to and restored from a checkpoint. */
  state(): readonly Moments[] {
    return this.moments;
  }

  /** Waits for the GPU: steps taken, and norm and clip factor of the last. */
  report(): Promise<StepReport> {
    return readStepState(this.gpu, this.stepState);
  }

  /** Sets the number of steps taken, when moments are restored. */
  setSteps(nSteps: number): void {
    this.gpu.write(this.stepState, Float32Array.of(nSteps), 3);
  }

  /** Frees the moments; the parameters stay. */
  dispose(): void {
    this.gpu.free(this.stepState, ...this.moments.flatMap(({ m, v }) => [m, v]));
  }
}

/** Parameter and moments of one tensor, for the twin. */
export interface AdamWTwinState {
  readonly p: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** Float64 twin of one step (the `t`-th, from 1) of one tensor, in place. `clip` 0 changes nothing. */
export function adamwTwin(
  { p, m, v }: AdamWTwinState,
  grad: ArrayLike<number>,
  o: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly decay: number;
  },
  t: number,
  clip: number,
): void {
  if (clip === 0) return;
  const [beta1, beta2] = o.betas;
  for (let i = 0; i < p.length; i++) {
    const g = clip * grad[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const mHat = m[i]! / (1 - beta1 ** t);
    const vHat = v[i]! / (1 - beta2 ** t);
    p[i]! -= o.lr * (mHat / (Math.sqrt(vHat) + o.eps) + o.decay * p[i]!);
  }
}
