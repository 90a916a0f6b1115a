import type { Gpu } from "../gpu.ts";
import { defineKernel } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { rowWorkgroup } from "../row_tuning.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const squareSumsKernel = defineKernel({
  name: "square_sums",
  bindings: {
    g0: "read",
    g1: "read",
    g2: "read",
    g3: "read",
    g4: "read",
    g5: "read",
    partials: "read_write",
  },
  uniforms: {
    n0: "u32",
    n1: "u32",
    n2: "u32",
    n3: "u32",
    n4: "u32",
    n5: "u32",
    offset: "u32",
    n_groups: "u32",
  },
  permutations: [{ WG_SIZE: 8 }, { WG_SIZE: 64 }],
});

export const optimizerPrepareKernel = defineKernel({
  name: "optimizer_prepare",
  bindings: { partials: "read", state: "read_write" },
  uniforms: { n: "u32", max_norm: "f32", ln_beta1: "f32", ln_beta2: "f32" },
});

const tensorsPerDispatch = 6;
const elementsPerGroup = 8192;
const maxGroups = 64;

/** What one step of an optimiser left behind. */
export interface StepReport {
  /** Steps taken; a skipped one does not count. */
  readonly nSteps: number;
  /** Global gradient norm before clipping, or null where the last step was skipped (NaN or infinity). */
  readonly gradientNorm: number | null;
  /** Factor that the gradients were scaled by, 0 where the last step was skipped. */
  readonly clip: number;
}

/** The five scalars of `optimizer_prepare.wgsl` on the GPU: clip, correction1, correction2, t, norm. */
export const newStepState = (gpu: Gpu): Tensor => gpu.zeros([5], "f32", "optimizer.state", "optimizer");

/** Reads them back. */
export async function readStepState(gpu: Gpu, state: Tensor): Promise<StepReport> {
  const [clip, , , nSteps, norm] = await gpu.read(state);
  return { nSteps: nSteps!, gradientNorm: norm! < 0 ? null : norm!, clip: clip! };
}

/**
 * Records the global norm N = √Σ‖g‖² over all gradients and writes to `state` the clip factor
 * min(1, maxNorm / (N + 1e-6)) (1 where maxNorm is 0), the step count t + 1 and the bias corrections 1 / (1 − β^t).
 * Where a gradient holds NaN or infinity, or the sum of squares overflows f32, the factor is 0 and t stays.
 * grads: f32, any shapes; state: [5]. ⌈grads / 6⌉ + 1 dispatches. Source: methods reference B §1.3.
 */
export function recordPrepare(
  r: Recorder,
  grads: readonly Tensor[],
  state: Tensor,
  { maxNorm, betas }: { readonly maxNorm: number | Dynamic; readonly betas: readonly [number, number] },
): void {
  grads.forEach((g, i) => expectDType("optimizer", `gradient ${i}`, g, "f32"));
  const bySize = grads.filter((g) => g.size > 0).sort((a, b) => b.size - a.size);
  const batches: { tensors: Tensor[]; nGroups: number; offset: number }[] = [];
  let nPartials = 0;
  for (let i = 0; i < bySize.length; i += tensorsPerDispatch) {
    const tensors = bySize.slice(i, i + tensorsPerDispatch);
    const nGroups = Math.min(maxGroups, Math.ceil(tensors[0]!.size / elementsPerGroup));
    batches.push({ tensors, nGroups, offset: nPartials });
    nPartials += nGroups * tensorsPerDispatch;
  }
  const partials = r.empty([nPartials], "f32", "optimizer.partials");
  for (const { tensors, nGroups, offset } of batches) {
    const at = (k: number): Tensor => tensors[k] ?? tensors[0]!;
    const n = (k: number): number => tensors[k]?.size ?? 0;
    r.dispatch(squareSumsKernel, {
      bind: { g0: at(0), g1: at(1), g2: at(2), g3: at(3), g4: at(4), g5: at(5), partials },
      uniforms: { n0: n(0), n1: n(1), n2: n(2), n3: n(3), n4: n(4), n5: n(5), offset, n_groups: nGroups },
      grid: [nGroups, tensorsPerDispatch],
      constants: { WG_SIZE: rowWorkgroup(r.gpu.adapter, elementsPerGroup) },
    });
  }
  r.dispatch(optimizerPrepareKernel, {
    bind: { partials, state },
    uniforms: { n: nPartials, max_norm: maxNorm, ln_beta1: Math.log(betas[0]), ln_beta2: Math.log(betas[1]) },
    grid: [1],
  });
}

/** Float64 twin of the global norm; NaN or Infinity where a gradient is not finite. */
export function gradientNormTwin(grads: readonly ArrayLike<number>[]): number {
  let sum = 0;
  for (const g of grads) for (let i = 0; i < g.length; i++) sum += g[i]! ** 2;
  return Math.sqrt(sum);
}

/** Float64 twin of the clip factor; 0 says that the step is skipped. `maxNorm` 0 is no clipping. */
export function clipFactorTwin(norm: number, maxNorm: number): number {
  if (!Number.isFinite(norm)) return 0;
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}
