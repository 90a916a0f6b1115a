/**
 * Looking into a forward pass and reaching into it. Activations go by their TransformerLens names
 * (`blocks.3.attn.hook_pattern`, `blocks.3.hook_resid_post`); shapes by letters: B batch, T time, H heads,
 * K kv heads, D head width.
 *
 * | name | shape |
 * |---|---|
 * | hook_embed, blocks.i.hook_resid_pre, hook_resid_mid, hook_resid_post, hook_attn_out, hook_mlp_out | [B,T,d_model] |
 * | blocks.i.ln1.hook_normalized, ln2.hook_normalized, ln_final.hook_normalized (before the gain) | [B,T,d_model] |
 * | blocks.i.attn.hook_q, hook_rot_q | [B,T,H,D] |
 * | blocks.i.attn.hook_k, hook_rot_k, hook_v | [B,T,K,D] |
 * | blocks.i.attn.hook_attn_scores, hook_pattern | [B,H,T,T] |
 * | blocks.i.attn.hook_z | [B,T,H,D] |
 * | blocks.i.mlp.hook_pre (gate), hook_pre_linear (up), hook_post | [B,T,d_mlp] |
 */
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError } from "../lib/errors.ts";
import type { LlamaConfig } from "./config.ts";

/** What to put in an activation's place: ops on the recorder, same shape out. */
export type Replace = (r: Recorder, activation: Tensor) => Tensor;

const topNames = ["hook_embed", "ln_final.hook_normalized"];

const blockNames = [
  "hook_resid_pre",
  "ln1.hook_normalized",
  "attn.hook_q",
  "attn.hook_k",
  "attn.hook_v",
  "attn.hook_rot_q",
  "attn.hook_rot_k",
  "attn.hook_attn_scores",
  "attn.hook_pattern",
  "attn.hook_z",
  "hook_attn_out",
  "hook_resid_mid",
  "ln2.hook_normalized",
  "mlp.hook_pre",
  "mlp.hook_pre_linear",
  "mlp.hook_post",
  "hook_mlp_out",
  "hook_resid_post",
];

/** All names a model of this depth answers to. */
export function hookNames(config: Pick<LlamaConfig, "nLayer">): string[] {
  const blocks = Array.from({ length: config.nLayer }, (_, i) => blockNames.map((name) => `blocks.${i}.${name}`));
  return [...topNames, ...blocks.flat()];
}

/** The activations one forward pass is asked to show or change. */
export class Hooks {
  /** Filled while recording: readable after the plan has run. */
  readonly captured = new Map<string, Tensor>();
  private readonly capture: ReadonlySet<string>;
  private readonly replace: ReadonlyMap<string, Replace>;

  /** Throws `bad-param` for a name the model does not have. */
  constructor(config: Pick<LlamaConfig, "nLayer">, capture: Iterable<string>, replace: ReadonlyMap<string, Replace> = new Map()) {
    this.capture = new Set(capture);
    this.replace = replace;
    const known = new Set(hookNames(config));
    for (const name of [...this.capture, ...replace.keys()]) {
      if (known.has(name)) continue;
      throw new LabError(
        "bad-param",
        `no activation is called ${JSON.stringify(name)} in a model of ${config.nLayer} layers`,
        "Names are those of TransformerLens, for example blocks.0.attn.hook_pattern or blocks.0.hook_resid_post.",
      );
    }
  }

  /** True when somebody looks at or replaces any of the activations; `prefix` ends in "." or is empty. */
  wants(prefix: string, ...stems: readonly string[]): boolean {
    return stems.some((stem) => this.capture.has(prefix + stem) || this.replace.has(prefix + stem));
  }

  /** True when any of the activations is to be replaced. */
  replaces(prefix: string, ...stems: readonly string[]): boolean {
    return stems.some((stem) => this.replace.has(prefix + stem));
  }

  /** Passes an activation by its hook: replaced if asked, then captured if asked. `shape` is the public one. */
  visit(r: Recorder, name: string, activation: Tensor, shape: readonly number[]): Tensor {
    const replace = this.replace.get(name);
    if (!this.capture.has(name) && replace === undefined) return activation;
    let seen = r.reshape(activation, shape);
    if (replace !== undefined) {
      seen = replace(r, seen);
      if (seen.shape.join() !== shape.join()) {
        throw new LabError("shape", `${name}: the replacement is [${seen.shape}], expected [${shape}]`);
      }
    }
    if (this.capture.has(name)) this.captured.set(name, r.keep(seen));
    return r.reshape(seen, activation.shape);
  }
}

/** Nobody looks. */
export const noHooks = new Hooks({ nLayer: 0 }, []);
