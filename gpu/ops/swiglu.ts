import { LabError } from "../../lib/errors.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import { expectDType, shapeText, type Tensor } from "../tensor.ts";

export const swigluKernel = defineKernel({
  name: "swiglu",
  bindings: { gate_up: "read", y: "read_write" },
  uniforms: { n: "u32", d_mlp: "u32" },
});

export const swigluDxKernel = defineKernel({
  name: "swiglu_dx",
  bindings: { gate_up: "read", dy: "read", d_gate_up: "read_write" },
  uniforms: { n: "u32", d_mlp: "u32" },
});

/**
 * y = silu(gate) ⊙ up, with silu(a) = a·σ(a).
 * gateUp: [..., 2·d_mlp], the gate's columns first; y: [..., d_mlp]; f32. Gradient of gateUp.
 * Throws `shape` when the last axis is odd. Source: Shazeer 2020 (arXiv 2002.05202), §2.
 */
export function swiglu(r: Recorder, gateUp: Tensor): Tensor {
  expectDType("swiglu", "gateUp", gateUp, "f32");
  if (gateUp.width % 2 !== 0) {
    throw new LabError(
      "shape",
      `swiglu: gateUp is ${shapeText(gateUp)}, expected an even last axis (gate columns, then up)`,
    );
  }
  const dMlp = gateUp.width / 2;
  const y = r.empty([...gateUp.shape.slice(0, -1), dMlp], "f32", "swiglu");
  const uniforms = { n: y.size, d_mlp: dMlp };
  const grid = fold(Math.ceil(y.size / 64));
  r.dispatch(swigluKernel, { bind: { gate_up: gateUp, y }, uniforms, grid });
  r.onBackward(y, [gateUp], (dy) => {
    const dGateUp = r.empty(gateUp.shape, "f32", "swiglu.dx");
    r.dispatch(swigluDxKernel, { bind: { gate_up: gateUp, dy, d_gate_up: dGateUp }, uniforms, grid });
    return [dGateUp];
  });
  return y;
}

/** Float64 twin of `swiglu`. */
export function swigluTwin(gateUp: ArrayLike<number>, dMlp: number): Float64Array {
  return Float64Array.from({ length: gateUp.length / 2 }, (_, i) => {
    const at = i + Math.floor(i / dMlp) * dMlp;
    return gateUp[at]! * sigmoid(gateUp[at]!) * gateUp[at + dMlp]!;
  });
}

/** Float64 twin of the gradient. */
export function swigluBackwardTwin(
  gateUp: ArrayLike<number>,
  dy: ArrayLike<number>,
  dMlp: number,
): Float64Array {
  const d = new Float64Array(gateUp.length);
  for (let i = 0; i < dy.length; i++) {
    const at = i + Math.floor(i / dMlp) * dMlp;
    const gate = gateUp[at]!;
    const s = sigmoid(gate);
    d[at] = dy[i]! * gateUp[at + dMlp]! * s * (1 + gate * sigmoid(-gate));
    d[at + dMlp] = dy[i]! * gate * s;
  }
  return d;
}

/** 1 / (1 + e^{−x}) in float64, without overflow. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}
