import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, type Tensor } from "../tensor.ts";
import { sigmoid } from "./swiglu.ts";

/** The activations, in the order of KIND in `shaders/shared/activations.wgsl`. */
export const activationKinds = ["relu", "silu", "gelu_tanh", "gelu_exact"] as const;
export type ActivationKind = (typeof activationKinds)[number];

const permutations = activationKinds.slice(1).map((_, i) => ({ KIND: i + 1 }));

export const activationKernel = defineKernel({
  name: "activation",
  bindings: { x: "read", y: "read_write" },
  uniforms: { n: "u32" },
  permutations,
});

export const activationDxKernel = defineKernel({
  name: "activation_dx",
  bindings: { x: "read", dy: "read", dx: "read_write" },
  uniforms: { n: "u32" },
  permutations,
});

/** Absolute error of erf by Abramowitz & Stegun 7.1.26, as printed with the formula. */
export const erfError = 1.5e-7;

/** y = max(x, 0), any shape, f32. Gradient of x; at 0 it is 0. */
export const relu = (r: Recorder, x: Tensor): Tensor => activation(r, x, "relu");

/** y = x·σ(x), any shape, f32. Gradient of x. */
export const silu = (r: Recorder, x: Tensor): Tensor => activation(r, x, "silu");

/**
 * y = x·Φ(x), exactly or by its tanh approximation, any shape, f32. Gradient of x.
 * Source: Hendrycks & Gimpel 2016 (arXiv 1606.08415). Deviation: Φ to within 0.75e-7, see `erfError`.
 */
export const gelu = (r: Recorder, x: Tensor, form: "tanh" | "exact"): Tensor =>
  activation(r, x, `gelu_${form}`);

/** y = f(x) for the activation named, any shape, f32. Gradient of x. */
export function activation(r: Recorder, x: Tensor, kind: ActivationKind): Tensor {
  expectDType(kind, "x", x, "f32");
  const KIND = activationKinds.indexOf(kind);
  const y = r.empty(x.shape, "f32", kind);
  const constants = KIND === 0 ? {} : { KIND };
  const shared = { uniforms: { n: x.size }, grid: fold(Math.ceil(x.size / 64)), constants };
  r.dispatch(activationKernel, { bind: { x, y }, ...shared });
  r.onBackward(y, [x], (dy) => {
    const dx = r.empty(x.shape, "f32", `${kind}.dx`);
    r.dispatch(activationDxKernel, { bind: { x, dy, dx }, ...shared });
    return [dx];
  });
  return y;
}

/** f(x) / x in float64: the gate of each activation. */
export function activationGate(x: number, kind: ActivationKind): number {
  if (kind === "relu") return x > 0 ? 1 : 0;
  if (kind === "silu") return sigmoid(x);
  if (kind === "gelu_tanh") return sigmoid(Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3));
  return 0.5 * (1 + erf(x / Math.SQRT2));
}

/** Float64 twin of `activation`. */
export const activationTwin = (x: number, kind: ActivationKind): number => x * activationGate(x, kind);

/** Float64 twin of its derivative. */
export function activationSlope(x: number, kind: ActivationKind): number {
  const gate = activationGate(x, kind);
  if (kind === "relu") return gate;
  if (kind === "silu") return gate * (1 + x * sigmoid(-x));
  if (kind === "gelu_exact") return gate + (x * Math.exp(-(x ** 2) / 2)) / Math.sqrt(2 * Math.PI);
  const other = sigmoid(-Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3));
  return gate + x * gate * other * Math.sqrt(8 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
}

/** erf to double precision: 2/√π·e^{−x²}·Σ 2ⁿx^{2n+1}/(2n+1)!!, whose terms are all of one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
