import type { Gpu } from "../gpu/gpu.ts";
import { add } from "../gpu/ops/add.ts";
import { attention, attentionFromCache } from "../gpu/ops/attention.ts";
import { attentionFromPattern, attentionPattern, attentionScores, patternFromScores } from "../gpu/ops/attention_pattern.ts";
import { cacheWrite } from "../gpu/ops/cache_write.ts";
import { concatColumns, sliceColumns } from "../gpu/ops/columns.ts";
import { embedding } from "../gpu/ops/embedding.ts";
import { linear } from "../gpu/ops/linear.ts";
import { multiply } from "../gpu/ops/multiply.ts";
import { rmsNorm } from "../gpu/ops/rms_norm.ts";
import { rope, ropeFrequencies, ropeTable } from "../gpu/ops/rope.ts";
import { swiglu } from "../gpu/ops/swiglu.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Dynamic } from "../gpu/step.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError } from "../lib/errors.ts";
import type { LlamaConfig } from "./config.ts";
import { type Hooks, noHooks } from "./hooks.ts";
import type { KvCache } from "./kv_cache.ts";
import { allocateWeights, type LayerWeights, type Part, storedTensors, type Weights } from "./weights.ts";

/** One pass over `batch` sequences of `seqLen` tokens each, laid row by row. */
export interface Pass {
  readonly batch: number;
  readonly seqLen: number;
  /** Position of the first token; 0 unless a cache holds tokens before it. */
  readonly position?: number | Dynamic;
  /** Keys and values of this pass are written here, and tokens already in it are attended to. */
  readonly cache?: KvCache;
  readonly hooks?: Hooks;
}

/** A Llama-family decoder on the device: parameters, positions, and how to record a forward pass. */
export class Transformer {
  readonly gpu: Gpu;
  readonly config: LlamaConfig;
  readonly weights: Weights;
  /** Which part of which tensor is which tensor of the checkpoint. */
  readonly parts: readonly Part[];
  /** [n_ctx, D/2, 2] cosines and sines. */
  readonly ropeTable: Tensor;
  /** [d_model] ones: a norm without its gain, for hooks that look between the two. */
  private readonly ones: Tensor;

  /** Allocates zeroed parameters; `loadModel` or `initialise` fills them. */
  constructor(gpu: Gpu, config: LlamaConfig) {
    this.gpu = gpu;
    this.config = config;
    const { weights, parts } = allocateWeights(gpu, config);
    this.weights = weights;
    this.parts = parts;
    const half = config.dHead / 2;
    const frequencies = ropeFrequencies(config.ropeTheta, config.dHead);
    this.ropeTable = gpu.upload(ropeTable(frequencies, config.nCtx), [config.nCtx, half, 2], "rope", "weights");
    this.ones = gpu.upload(new Float32Array(config.dModel).fill(1), [config.dModel], "ones", "weights");
  }

  /** Parameters as stored, each once: what an optimiser updates. */
  get parameters(): readonly Tensor[] {
    return storedTensors(this.parts);
  }

  /** ids u32 [B·T] → residual stream after the last block, before the final norm [B·T, d_model]. */
  hidden(r: Recorder, ids: Tensor, pass: Pass): Tensor {
    const { config } = this;
    const { batch, seqLen } = pass;
    if (ids.size !== batch * seqLen) {
      throw new LabError("shape", `forward: ${ids.size} ids for ${batch} sequences of ${seqLen}`);
    }
    if (typeof pass.position !== "object" && (pass.position ?? 0) + seqLen > config.nCtx) {
      throw new LabError(
        "bad-param",
        `the text is ${(pass.position ?? 0) + seqLen} tokens long, the model's context is ${config.nCtx}`,
        "Shorten the text.",
      );
    }
    const hooks = pass.hooks ?? noHooks;
    const rows = [batch, seqLen, config.dModel];
    let x = hooks.visit(r, "hook_embed", embedding(r, this.weights.embed, ids), rows);
    this.weights.layers.forEach((layer, i) => {
      const prefix = `blocks.${i}.`;
      x = hooks.visit(r, `${prefix}hook_resid_pre`, x, rows);
      x = this.attentionBlock(r, x, layer, i, pass, hooks);
      x = hooks.visit(r, `${prefix}hook_resid_mid`, x, rows);
      x = this.mlpBlock(r, x, layer, prefix, pass, hooks);
      x = hooks.visit(r, `${prefix}hook_resid_post`, x, rows);
    });
    return x;
  }

  /** Final norm and head: residual stream [N, d_model] → logits [N, d_vocab]. */
  logits(r: Recorder, hidden: Tensor, hooks?: Hooks, rows: readonly number[] = hidden.shape): Tensor {
    const normed = this.norm(r, hidden, this.weights.normFinal, "ln_final.", rows, hooks ?? noHooks);
    return linear(r, normed, this.weights.head);
  }

  /** ids u32 [B·T] → logits [B·T, d_vocab]. */
  forward(r: Recorder, ids: Tensor, pass: Pass): Tensor {
    const rows = [pass.batch, pass.seqLen, this.config.dModel];
    return this.logits(r, this.hidden(r, ids, pass), pass.hooks, rows);
  }

  dispose(): void {
    this.gpu.free(...this.parameters, this.ropeTable, this.ones);
  }

  /** x + attention(norm1(x)). */
  private attentionBlock(r: Recorder, x: Tensor, layer: LayerWeights, i: number, pass: Pass, hooks: Hooks): Tensor {
    const { nHead, nKvHead, dHead, dModel } = this.config;
    const { batch, seqLen, cache, position = 0 } = pass;
    const prefix = `blocks.${i}.`;
    const at = { nHead, nKvHead, dHead, batch, seqLen, position };
    const normed = this.norm(r, x, layer.norm1, `${prefix}ln1.`, [batch, seqLen, dModel], hooks);
    const bias = layer.qkvBias === undefined ? {} : { bias: layer.qkvBias };
    let qkv = linear(r, normed, layer.qkv, bias);
    qkv = this.visitHeads(r, qkv, `${prefix}attn.`, ["hook_q", "hook_k", "hook_v"], pass, hooks);
    qkv = rope(r, qkv, this.ropeTable, at);
    qkv = this.visitHeads(r, qkv, `${prefix}attn.`, ["hook_rot_q", "hook_rot_k"], pass, hooks);
    if (cache !== undefined) cacheWrite(r, qkv, cache.keys[i]!, cache.values[i]!, at);

    let z: Tensor;
    if (hooks.wants(`${prefix}attn.`, "hook_attn_scores", "hook_pattern")) {
      if (position !== 0) {
        throw new LabError("unsupported", "attention patterns are captured on whole texts, not behind a cache");
      }
      z = this.visiblePattern(r, qkv, `${prefix}attn.`, pass, hooks);
    } else if (cache !== undefined && position !== 0) {
      z = attentionFromCache(r, qkv, cache.keys[i]!, cache.values[i]!, at);
    } else {
      z = attention(r, qkv, at);
    }
    z = hooks.visit(r, `${prefix}attn.hook_z`, z, [batch, seqLen, nHead, dHead]);
    return this.project(r, z, layer.o, layer.oBias, x, `${prefix}hook_attn_out`, pass, hooks);
  }

  /** x + down(silu(gate) ⊙ up) of norm2(x). */
  private mlpBlock(r: Recorder, x: Tensor, layer: LayerWeights, prefix: string, pass: Pass, hooks: Hooks): Tensor {
    const { dModel, dMlp } = this.config;
    const { batch, seqLen } = pass;
    const wide = [batch, seqLen, dMlp];
    const normed = this.norm(r, x, layer.norm2, `${prefix}ln2.`, [batch, seqLen, dModel], hooks);
    const bias = layer.gateUpBias === undefined ? {} : { bias: layer.gateUpBias };
    let gateUp = linear(r, normed, layer.gateUp, bias);
    if (hooks.wants(`${prefix}mlp.`, "hook_pre", "hook_pre_linear")) {
      const gate = hooks.visit(r, `${prefix}mlp.hook_pre`, sliceColumns(r, gateUp, 0, dMlp), wide);
      const up = hooks.visit(r, `${prefix}mlp.hook_pre_linear`, sliceColumns(r, gateUp, dMlp, 2 * dMlp), wide);
      gateUp = concatColumns(r, [gate, up]);
    }
    const post = hooks.visit(r, `${prefix}mlp.hook_post`, swiglu(r, gateUp), wide);
    return this.project(r, post, layer.down, layer.downBias, x, `${prefix}hook_mlp_out`, pass, hooks);
  }

  /** residual + z·Wᵀ (+ bias): fused unless somebody looks at the branch alone. */
  private project(
    r: Recorder,
    z: Tensor,
    w: Tensor,
    bias: Tensor | undefined,
    residual: Tensor,
    name: string,
    pass: Pass,
    hooks: Hooks,
  ): Tensor {
    const options = bias === undefined ? {} : { bias };
    if (!hooks.wants("", name)) return linear(r, z, w, { ...options, addTo: residual });
    const branch = hooks.visit(r, name, linear(r, z, w, options), [pass.batch, pass.seqLen, this.config.dModel]);
    return add(r, residual, branch);
  }

  private norm(r: Recorder, x: Tensor, gain: Tensor, prefix: string, rows: readonly number[], hooks: Hooks): Tensor {
    if (!hooks.wants(prefix, "hook_normalized")) return rmsNorm(r, x, gain, this.config.normEps);
    const normalized = rmsNorm(r, x, this.ones, this.config.normEps);
    return multiply(r, hooks.visit(r, `${prefix}hook_normalized`, normalized, rows), gain);
  }

  /** Splits the fused rows into heads of queries, keys and values when somebody looks at them. */
  private visitHeads(r: Recorder, qkv: Tensor, prefix: string, names: readonly string[], pass: Pass, hooks: Hooks): Tensor {
    if (!hooks.wants(prefix, ...names)) return qkv;
    const { nHead, nKvHead, dHead } = this.config;
    const counts = [nHead, nKvHead, nKvHead];
    let from = 0;
    const columns = counts.map((count, k) => {
      const columns = sliceColumns(r, qkv, from, (from += count * dHead));
      const name = names[k];
      return name === undefined ? columns : hooks.visit(r, prefix + name, columns, [pass.batch, pass.seqLen, count, dHead]);
    });
    return hooks.replaces(prefix, ...names) ? concatColumns(r, columns) : qkv;
  }

  /** The same attention through an explicit [B,H,T,T] pattern, which hooks can see and replace. */
  private visiblePattern(r: Recorder, qkv: Tensor, prefix: string, pass: Pass, hooks: Hooks): Tensor {
    const { nHead, nKvHead, dHead } = this.config;
    const { batch, seqLen } = pass;
    const at = { nHead, nKvHead, dHead, batch, seqLen };
    const square = [batch, nHead, seqLen, seqLen];
    let pattern: Tensor;
    if (hooks.wants(prefix, "hook_attn_scores")) {
      const scores = hooks.visit(r, `${prefix}hook_attn_scores`, attentionScores(r, qkv, at), square);
      pattern = patternFromScores(r, scores);
    } else pattern = attentionPattern(r, qkv, at);
    return attentionFromPattern(r, hooks.visit(r, `${prefix}hook_pattern`, pattern, square), qkv, at);
  }
}
