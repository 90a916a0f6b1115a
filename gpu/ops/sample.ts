import { LabError } from "../../lib/errors.ts";
import { uniformAt } from "../../lib/random.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Dynamic } from "../step.ts";
import { expectDType, expectShape, shapeText, type Tensor } from "../tensor.ts";

export const sampleKernel = defineKernel({
  name: "sample",
  bindings: { logits: "read", ids: "read_write", logprobs: "read_write" },
  uniforms: {
    n_rows: "u32",
    d_vocab: "u32",
    temperature: "f32",
    top_k: "u32",
    top_p: "f32",
    min_p: "f32",
    seed: "u32",
    step: "u32",
  },
  permutations: [{ WG_SIZE: 256 }],
});

/** How to choose among tokens; the filters apply in this order, each to what the one before left. */
export interface SampleSettings<N = number> {
  /** 0 is greedy: the largest logit, the lowest id among equals; the filters do not matter. */
  readonly temperature: N;
  /** Keep the k most probable tokens, exactly k (lower ids first among equals). 0 is off. */
  readonly topK: N;
  /** Keep the fewest most probable tokens whose share of the mass left reaches this, at least one. 1 is off. */
  readonly topP: N;
  /** Keep tokens at least this share as probable as the most probable. 0 is off. */
  readonly minP: N;
}

export interface SampleOptions extends SampleSettings<number | Dynamic> {
  /** Row n of step s draws `uniformAt(seed, n, s)`: the same bits wherever it is computed. */
  readonly seed: number | Dynamic;
  readonly step: number | Dynamic;
  /** Where to put the ids (u32 [B], resident), so that the next step can read them; new tensors otherwise. */
  readonly into?: { readonly ids: Tensor; readonly logprobs?: Tensor };
}

export interface Sampled {
  /** u32 [B] */
  readonly ids: Tensor;
  /** log p of the token under softmax(logits), without temperature and filters. f32 [B] */
  readonly logprobs: Tensor;
}

/**
 * Draws one token per row. logits: [B, d_vocab] f32. NaN logits are never drawn. No gradient.
 * Throws `shape`, and `bad-param` for a setting given as a number that is out of range; a Dynamic is checked by
 * `checkSampleSettings` where it is set.
 * Sources: top-k Fan et al. 2018 (1805.04833); top-p Holtzman et al. 2020 (1904.09751); min-p Nguyen et al. 2024
 * (2407.01082).
 */
export function sample(r: Recorder, logits: Tensor, options: SampleOptions): Sampled {
  expectDType("sample", "logits", logits, "f32");
  if (logits.shape.length !== 2)
    throw new LabError("shape", `sample: logits is ${shapeText(logits)}, expected a matrix`);
  const { temperature, topK, topP, minP, seed, step, into } = options;
  const settings = { temperature, topK, topP, minP };
  checkSampleSettings(
    Object.fromEntries(Object.entries(settings).filter(([, value]) => typeof value === "number")),
  );
  const [nRows, dVocab] = [logits.nRows, logits.width];
  const ids = into?.ids ?? r.empty([nRows], "u32", "sample.ids");
  const logprobs = into?.logprobs ?? r.empty([nRows], "f32", "sample.logprobs");
  expectDType("sample", "ids", ids, "u32");
  expectShape("sample", "ids", ids, [nRows]);
  expectShape("sample", "logprobs", logprobs, [nRows]);
  r.dispatch(sampleKernel, {
    bind: { logits, ids, logprobs },
    uniforms: {
      n_rows: nRows,
      d_vocab: dVocab,
      temperature,
      top_k: topK,
      top_p: topP,
      min_p: minP,
      seed,
      step,
    },
    grid: fold(nRows),
    constants: { WG_SIZE: dVocab >= 2048 ? 256 : 64 },
  });
  return { ids, logprobs };
}

/** Throws `bad-param` unless temperature ≥ 0, topK is a whole number ≥ 0, and topP and minP are in [0, 1]. */
export function checkSampleSettings(settings: { readonly [K in keyof SampleSettings]?: unknown }): void {
  const { temperature = 0, topK = 0, topP = 1, minP = 0 } = settings as Partial<SampleSettings>;
  const refuse = (name: string, value: number, wanted: string): never => {
    throw new LabError("bad-param", `sample: ${name} is ${value}, expected ${wanted}`);
  };
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    refuse("temperature", temperature, "a number of at least 0");
  if (!(Number.isInteger(topK) && topK >= 0)) refuse("topK", topK, "a whole number of at least 0 (0 is off)");
  if (!(topP >= 0 && topP <= 1)) refuse("topP", topP, "a number from 0 to 1 (1 is off)");
  if (!(minP >= 0 && minP <= 1)) refuse("minP", minP, "a number from 0 to 1 (0 is off)");
}

/**
 * Float64 twin: the probabilities that a token of one row of logits is drawn with, 0 for those filtered out.
 * At temperature 0 the greedy token has 1.
 */
export function sampleProbabilities(logits: ArrayLike<number>, settings: SampleSettings): Float64Array {
  const { temperature, topK, topP, minP } = settings;
  const all = Array.from({ length: logits.length }, (_, i) => i);
  let kept = all.sort((a, b) => logits[b]! - logits[a]! || a - b);
  const out = new Float64Array(logits.length);
  const best = kept[0]!;
  if (temperature === 0) {
    out[best] = 1;
    return out;
  }
  const mass = (i: number): number => Math.exp((logits[i]! - logits[best]!) / temperature);
  if (topK > 0) kept = kept.slice(0, topK);
  if (topP < 1) {
    const total = kept.reduce((sum, i) => sum + mass(i), 0);
    let sum = 0;
    const enough = kept.findIndex((i) => (sum += mass(i)) >= topP * total);
    kept = kept.slice(0, Math.max(1, enough + 1));
  }
  kept = kept.filter((i) => mass(i) >= minP);
  const total = kept.reduce((sum, i) => sum + mass(i), 0);
  for (const i of kept) out[i] = mass(i) / total;
  return out;
}

/** Float64 twin of `sample` for one row: the token drawn at `uniformAt(seed, row, step)`. */
export function sampleTwin(
  logits: ArrayLike<number>,
  settings: SampleSettings,
  at: { readonly seed: number; readonly row: number; readonly step: number },
): number {
  const u = uniformAt(at.seed, at.row, at.step);
  const p = sampleProbabilities(logits, settings);
  let [sum, last] = [0, 0];
  for (let i = 0; i < p.length; i++) {
    if (p[i] === 0) continue;
    last = i;
    sum += p[i]!;
    if (sum > u) return i;
  }
  return last;
}
