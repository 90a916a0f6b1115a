import { normalAt, uniformAt } from "../../lib/random.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import type { Tensor } from "../tensor.ts";

export const randomUniformKernel = defineKernel({
  name: "random_uniform",
  bindings: { y: "read_write" },
  uniforms: { n: "u32", seed: "u32", stream: "u32", low: "f32", span: "f32" },
});

export const randomNormalKernel = defineKernel({
  name: "random_normal",
  bindings: { y: "read_write" },
  uniforms: { n: "u32", seed: "u32", stream: "u32", mean: "f32", deviation: "f32" },
});

export interface RandomSource {
  readonly seed: number | Dynamic;
  readonly stream: number | Dynamic;
}

/**
 * y[i] uniform in [low, high), f32; element i is low + (high − low)·`uniformAt(seed, stream, i)`, bit for bit where
 * that product and sum are exact (as for [0, 1) and [−1, 1)). No gradient.
 */
export function randomUniform(
  r: Recorder,
  shape: readonly number[],
  { seed, stream, low = 0, high = 1 }: RandomSource & { readonly low?: number; readonly high?: number },
): Tensor {
  const y = r.empty(shape, "f32", "random_uniform");
  const uniforms = { n: y.size, seed, stream, low, span: high - low };
  r.dispatch(randomUniformKernel, { bind: { y }, uniforms, grid: fold(Math.ceil(y.size / 64)) });
  return y;
}

/**
 * y[i] near-normal with the given mean (0) and standard deviation (1), f32; element i is
 * mean + std·`normalAt(seed, stream, i)`, bit for bit where that product and sum are exact. No gradient.
 */
export function randomNormal(
  r: Recorder,
  shape: readonly number[],
  { seed, stream, mean = 0, std = 1 }: RandomSource & { readonly mean?: number; readonly std?: number },
): Tensor {
  const y = r.empty(shape, "f32", "random_normal");
  const uniforms = { n: y.size, seed, stream, mean, deviation: std };
  r.dispatch(randomNormalKernel, { bind: { y }, uniforms, grid: fold(Math.ceil(y.size / 64)) });
  return y;
}

/** Twin of `randomUniform`. */
export function randomUniformTwin(n: number, seed: number, stream: number, low = 0, high = 1): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => low + (high - low) * uniformAt(seed, stream, i));
}

/** Twin of `randomNormal`. */
export function randomNormalTwin(n: number, seed: number, stream: number, mean = 0, std = 1): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => mean + std * normalAt(seed, stream, i));
}
