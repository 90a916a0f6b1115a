/** What a text's attention looks like: entropies and sinks of every head, the logit lens, and patterns on demand. */
import { attentionEntropy } from "../gpu/ops/attention_pattern.ts";
import { sliceColumns } from "../gpu/ops/columns.ts";
import { logProbOf } from "../gpu/ops/cross_entropy.ts";
import { topTokens } from "../gpu/ops/top_tokens.ts";
import type { Plan } from "../gpu/plan.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError, throwIfCancelled } from "../lib/errors.ts";
import { Hooks } from "../lm/hooks.ts";
import type { AttentionSummary, LensRow } from "./protocol.ts";
import type { LoadedModel } from "./session.ts";
import { encodePrompt, tokenizerOf, tokenOf } from "./text.ts";

/** Patterns of all layers together are held on the device up to this size. */
const maxPatternBytes = 512 << 20;

interface LensOutputs {
  readonly topIds: Tensor;
  readonly topLogprobs: Tensor;
  readonly nextLogprobs: Tensor;
}

interface Outputs {
  readonly patterns: readonly Tensor[];
  readonly entropies: readonly Tensor[];
  readonly sinks: readonly Tensor[];
  readonly lens: readonly LensOutputs[];
}

/** The attention of one text, computed once; patterns stay on the device until it is disposed of. */
export class AttentionView {
  readonly text: string;
  readonly summary: AttentionSummary;
  private readonly loaded: LoadedModel;
  private readonly plan: Plan & { readonly outputs: Outputs };

  private constructor(text: string, loaded: LoadedModel, plan: AttentionView["plan"], summary: AttentionSummary) {
    this.text = text;
    this.loaded = loaded;
    this.plan = plan;
    this.summary = summary;
  }

  /** Throws `bad-param` for a text longer than the context, or whose patterns would not fit; `cancelled`. */
  static async create(loaded: LoadedModel, text: string, signal?: AbortSignal): Promise<AttentionView> {
    const { model } = loaded;
    const { gpu, config } = model;
    const ids = encodePrompt(loaded, text);
    const seqLen = ids.length;
    const patternBytes = 4 * config.nLayer * config.nHead * seqLen ** 2;
    if (patternBytes > maxPatternBytes) {
      const megabytes = Math.ceil(patternBytes / 2 ** 20);
      throw new LabError("bad-param", `the attention maps of ${seqLen} tokens need ${megabytes} MB`, "Shorten the text.");
    }
    const input = gpu.upload(Uint32Array.from(ids), [seqLen], "text");
    const next = gpu.upload(Uint32Array.from(ids, (_, t) => ids[t + 1] ?? 0), [seqLen], "next");
    try {
      const plan = await gpu.record("attention", (r) => {
        const depths = ["blocks.0.hook_resid_pre", ...Array.from({ length: config.nLayer }, (_, i) => `blocks.${i}.hook_resid_post`)];
        const names = Array.from({ length: config.nLayer }, (_, i) => `blocks.${i}.attn.hook_pattern`);
        const hooks = new Hooks(config, [...depths, ...names]);
        model.hidden(r, input, { batch: 1, seqLen, hooks });
        const patterns = names.map((name) => hooks.captured.get(name)!);
        const lens = depths.map((name): LensOutputs => {
          const logits = model.logits(r, r.reshape(hooks.captured.get(name)!, [seqLen, config.dModel]));
          const top = topTokens(r, logits, 1);
          return { topIds: r.keep(top.ids), topLogprobs: r.keep(top.logprobs), nextLogprobs: r.keep(logProbOf(r, logits, next)) };
        });
        const rows = [config.nHead * seqLen, seqLen];
        return {
          patterns,
          entropies: patterns.map((pattern) => r.keep(attentionEntropy(r, pattern))),
          sinks: patterns.map((pattern) => r.keep(sliceColumns(r, r.reshape(pattern, rows), 0, 1))),
          lens,
        };
      });
      try {
        throwIfCancelled(signal);
        plan.run();
        const summary = await summarise(loaded, ids, plan.outputs);
        throwIfCancelled(signal);
        return new AttentionView(text, loaded, plan, summary);
      } catch (error) {
        plan.dispose();
        throw error;
      }
    } finally {
      gpu.free(input, next);
    }
  }

  /** True when this is the attention of that very model, not of one loaded since. */
  isOf(loaded: LoadedModel): boolean {
    return this.loaded === loaded;
  }

  /** [H, T, T] probabilities of one layer, rows are queries. Throws `bad-param` for a layer the model lacks. */
  async pattern(layer: number): Promise<Float32Array<ArrayBuffer>> {
    const pattern = this.plan.outputs.patterns[layer];
    if (pattern === undefined) throw new LabError("bad-param", `the model has no layer ${layer}`);
    return this.loaded.model.gpu.read(pattern);
  }

  dispose(): void {
    this.plan.dispose();
  }
}

async function summarise(loaded: LoadedModel, ids: readonly number[], outputs: Outputs): Promise<AttentionSummary> {
  const { gpu, config } = loaded.model;
  const { nLayer, nHead } = config;
  const tokenizer = tokenizerOf(loaded);
  const readAll = (tensors: readonly Tensor[]) => Promise.all(tensors.map((t) => gpu.read(t)));
  const [entropies, sinks] = await Promise.all([readAll(outputs.entropies), readAll(outputs.sinks)]);
  const lens = await Promise.all(
    outputs.lens.map(async ({ topIds, topLogprobs, nextLogprobs }): Promise<LensRow> => {
      const [top, probability, nextProbability] = await Promise.all([
        gpu.read(topIds, "u32"),
        gpu.read(topLogprobs),
        gpu.read(nextLogprobs),
      ]);
      return {
        top: Array.from(top, (id) => tokenOf(tokenizer, id)),
        probability: probability.map(Math.exp),
        nextProbability: nextProbability.map((lp, t) => (t + 1 < ids.length ? Math.exp(lp) : 0)),
      };
    }),
  );
  return {
    tokens: ids.map((id) => tokenOf(tokenizer, id)),
    nLayer,
    nHead,
    entropy: headMeans(entropies, nHead, ids.length),
    sink: headMeans(sinks, nHead, ids.length),
    lens,
  };
}

/** Mean over the queries after the first, which can only look at itself: [L][H·T] → [L·H]. */
function headMeans(layers: readonly Float32Array[], nHead: number, seqLen: number): Float32Array {
  const means = new Float32Array(layers.length * nHead);
  layers.forEach((values, layer) => {
    for (let h = 0; h < nHead; h++) {
      let sum = 0;
      for (let t = 1; t < seqLen; t++) sum += values[h * seqLen + t]!;
      means[layer * nHead + h] = seqLen > 1 ? sum / (seqLen - 1) : 0;
    }
  });
  return means;
}
