/**
 * Generation: the prompt is run once over all its tokens (prefill), then one token of every continuation per
 * step. The sampled id stays on the device, where the next step reads it; the step after is submitted before
 * the id of this one has arrived, so the device never waits for the script.
 */
import { cacheBroadcast } from "../gpu/ops/cache_broadcast.ts";
import { checkSampleSettings, sample, type SampleSettings } from "../gpu/ops/sample.ts";
import { topTokens } from "../gpu/ops/top_tokens.ts";
import { logProbOf } from "../gpu/ops/cross_entropy.ts";
import { gatherRows } from "../gpu/ops/embedding.ts";
import { logToken } from "../gpu/ops/log_token.ts";
import type { Plan } from "../gpu/plan.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { LabError } from "../lib/errors.ts";
import { recordDecodeStep } from "./decode_step.ts";
import { allocateCache, firstSequence, freeCache, type KvCache } from "./kv_cache.ts";
import type { Transformer } from "./transformer.ts";

export interface GenerateOptions extends SampleSettings {
  readonly maxNewTokens: number;
  readonly seed: number;
  /** A continuation ends with (and includes) the first of these ids. */
  readonly stopIds: readonly number[];
  readonly signal?: AbortSignal;
  /** Called once, before the first token, by a decoder that reads runners-up. */
  readonly onPrompt?: (scores: PromptScores) => void;
}

/** One decoded position: an entry per continuation. */
export interface GeneratedStep {
  readonly ids: Uint32Array;
  /** [n] natural log of each id's probability under the unmodified model; only where runners-up are asked for. */
  readonly logprobs?: Float32Array;
  /** [n·k] the most probable ids, best first, and their log-probabilities. */
  readonly topIds?: Uint32Array;
  readonly topLogprobs?: Float32Array;
}

/** How the model sees the prompt: entry t is about the token after position t (the last has none to be about). */
export interface PromptScores {
  /** [T] natural log of the probability of token t + 1. */
  readonly logprobs: Float32Array;
  /** [T·k] the most probable tokens after position t, best first. */
  readonly topIds: Uint32Array;
  readonly topLogprobs: Float32Array;
}

export interface GenerateTiming {
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly nSteps: number;
  readonly dispatchesPerToken: number;
  readonly readbackBytesPerToken: number;
}

/** Why generation ended. */
export type StopReason = "eos" | "length" | "context" | "cancelled";

interface StepOutputs {
  readonly logprobs: Tensor;
  readonly top: { readonly ids: Tensor; readonly logprobs: Tensor } | undefined;
}

/** A model made ready to continue texts: its cache, and the decode step recorded once. */
export class Decoder {
  readonly model: Transformer;
  /** Continuations of one prompt decoded together. */
  readonly n: number;
  /** Runners-up read back for every token; 0 reads the id alone. */
  readonly nTop: number;
  readonly cache: KvCache;
  private readonly plan: Plan & { readonly outputs: StepOutputs };
  private readonly next: Tensor;
  /** [n_ctx, n, 2] id and log-probability bits of every token decoded. */
  private readonly log: Tensor;

  private constructor(model: Transformer, n: number, nTop: number, cache: KvCache, next: Tensor, log: Tensor, plan: Decoder["plan"]) {
    this.model = model;
    this.n = n;
    this.nTop = nTop;
    this.cache = cache;
    this.next = next;
    this.log = log;
    this.plan = plan;
  }

  /** Throws `bad-param` for n outside 1…64, `out-of-memory`. */
  static async create(model: Transformer, n: number, nTop = 0, capacity = model.config.nCtx): Promise<Decoder> {
    if (!Number.isInteger(n) || n < 1 || n > 64) {
      throw new LabError("bad-param", `${n} continuations asked for, between 1 and 64 are possible`);
    }
    const { gpu, config } = model;
    const [cache, next, log] = await gpu.guarded("the KV cache", () => [
      allocateCache(gpu, config, n, capacity),
      gpu.zeros([n], "u32", "next", "cache"),
      gpu.zeros([capacity, n, 2], "u32", "token log", "cache"),
    ] as const);
    const plan = await gpu.record("decode step", (r) => {
      const logits = recordDecodeStep(r, model, next, cache, r.dynamic("position"));
      return recordSampling(r, logits, next, log, nTop);
    });
    return new Decoder(model, n, nTop, cache, next, log, plan);
  }

  get dispatchesPerToken(): number {
    return this.plan.nDispatches;
  }

  /**
   * Continues `prompt` (ids). Yields a step at a time as soon as its ids are known; ids of a continuation
   * after its stop id mean nothing. Returns why it ended and how long it took.
   * Throws `bad-param` for an empty prompt or one that leaves no room.
   */
  async *generate(prompt: readonly number[], options: GenerateOptions): AsyncGenerator<GeneratedStep, { reason: StopReason; timing: GenerateTiming }> {
    const { signal, maxNewTokens } = options;
    this.checkPrompt(prompt);
    checkSampleSettings(options);
    const room = this.cache.capacity - prompt.length;
    const nSteps = Math.min(maxNewTokens, room);
    const started = performance.now();
    const first = await this.prefill(prompt, options);
    const prefillMs = performance.now() - started;
    const open = new Set(Array.from({ length: this.n }, (_, i) => i));
    const stops = new Set(options.stopIds);
    let done = 0;
    let pending = Promise.resolve(first);
    let reason: StopReason = maxNewTokens > room ? "context" : "length";
    try {
      for (let i = 0; i < nSteps; i++) {
        if (signal?.aborted) {
          reason = "cancelled";
          break;
        }
        const current = pending;
        if (i + 1 < nSteps) pending = this.step(prompt.length + i, i + 1, options);
        const step = await current;
        done = i + 1;
        for (const k of open) if (stops.has(step.ids[k]!)) open.delete(k);
        yield step;
        if (open.size === 0) {
          reason = "eos";
          break;
        }
      }
    } finally {
      await pending.catch(() => undefined);
    }
    const timing: GenerateTiming = {
      prefillMs,
      decodeMs: performance.now() - started - prefillMs,
      nSteps: done,
      dispatchesPerToken: this.plan.nDispatches,
      readbackBytesPerToken: 4 * (this.nTop === 0 ? 1 : 2 + 2 * this.nTop),
    };
    return { reason, timing };
  }

  /** Log-probabilities of the tokens of the last run, [nSteps][n]; one readback for all of them. */
  async loggedLogprobs(nSteps: number): Promise<Float32Array[]> {
    const bits = await this.model.gpu.read(this.log, "u32");
    const floats = new Float32Array(bits.buffer);
    return Array.from({ length: nSteps }, (_, i) => Float32Array.from({ length: this.n }, (_, k) => floats[(i * this.n + k) * 2 + 1]!));
  }

  dispose(): void {
    this.plan.dispose();
    freeCache(this.model.gpu, this.cache);
    this.model.gpu.free(this.next, this.log);
  }

  private checkPrompt(prompt: readonly number[]): void {
    const { dVocab } = this.model.config;
    if (prompt.length === 0) throw new LabError("bad-param", "the prompt is empty", "Write at least one word.");
    if (prompt.length >= this.cache.capacity) {
      throw new LabError("bad-param", `the prompt is ${prompt.length} tokens long, the model's context is ${this.cache.capacity}`, "Shorten the prompt.");
    }
    const bad = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= dVocab);
    if (bad !== undefined) throw new LabError("bad-param", `token id ${bad} is outside the vocabulary of ${dVocab}`);
  }

  /** Runs the prompt into row 0 of the cache, copies it to the other rows and samples the first token of each. */
  private async prefill(prompt: readonly number[], options: GenerateOptions): Promise<GeneratedStep> {
    const { gpu } = this.model;
    const seqLen = prompt.length;
    const ids = gpu.upload(Uint32Array.from(prompt), [seqLen], "prompt");
    const last = gpu.upload(new Uint32Array(this.n).fill(seqLen - 1), [this.n], "last row");
    const next = gpu.upload(Uint32Array.from(prompt, (_, t) => prompt[t + 1] ?? 0), [seqLen], "next words");
    try {
      const plan = await gpu.record("prefill", (r) => {
        const hidden = this.model.hidden(r, ids, { batch: 1, seqLen, cache: firstSequence(this.cache) });
        for (const layer of [...this.cache.keys, ...this.cache.values]) cacheBroadcast(r, layer, seqLen);
        if (this.nTop === 0) {
          const logits = this.model.logits(r, gatherRows(r, hidden, last));
          return { scores: undefined, step: recordSampling(r, logits, this.next, this.log, 0) };
        }
        const logits = this.model.logits(r, hidden);
        const top = topTokens(r, logits, this.nTop);
        const scores = { logprobs: r.keep(logProbOf(r, logits, next)), ids: r.keep(top.ids), topLogprobs: r.keep(top.logprobs) };
        return { scores, step: recordSampling(r, gatherRows(r, logits, last), this.next, this.log, this.nTop) };
      });
      try {
        plan.run(settingsAt(options, 0));
        const { scores, step } = plan.outputs;
        if (scores !== undefined && options.onPrompt !== undefined) {
          const [logprobs, topIds, topLogprobs] = await Promise.all([
            gpu.read(scores.logprobs),
            gpu.read(scores.ids, "u32"),
            gpu.read(scores.topLogprobs),
          ]);
          options.onPrompt({ logprobs, topIds, topLogprobs });
        }
        return await this.readStep(step);
      } finally {
        plan.dispose();
      }
    } finally {
      gpu.free(ids, last, next);
    }
  }

  /** Decodes the token at `position` and samples the `index`-th new one. */
  private async step(position: number, index: number, options: GenerateOptions): Promise<GeneratedStep> {
    this.plan.run({ position, ...settingsAt(options, index) });
    return this.readStep(this.plan.outputs);
  }

  private async readStep({ logprobs, top }: StepOutputs): Promise<GeneratedStep> {
    const { gpu } = this.model;
    if (top === undefined) return { ids: await gpu.read(this.next, "u32") };
    const [ids, chosen, topIds, topLogprobs] = await Promise.all([
      gpu.read(this.next, "u32"),
      gpu.read(logprobs),
      gpu.read(top.ids, "u32"),
      gpu.read(top.logprobs),
    ]);
    return { ids, logprobs: chosen, topIds, topLogprobs };
  }
}

/** Samples from `logits` [n, V] into `next` and the log; keeps what will be read. */
function recordSampling(r: Recorder, logits: Tensor, next: Tensor, log: Tensor, nTop: number): StepOutputs {
  const { logprobs } = sample(r, logits, {
    temperature: r.dynamic("temperature"),
    topK: r.dynamic("topK"),
    topP: r.dynamic("topP"),
    minP: r.dynamic("minP"),
    seed: r.dynamic("seed"),
    step: r.dynamic("step"),
    into: { ids: next },
  });
  logToken(r, next, logprobs, log, r.dynamic("step"));
  const top = nTop === 0 ? undefined : topTokens(r, logits, nTop);
  if (top !== undefined) {
    r.keep(logprobs);
    r.keep(top.ids);
    r.keep(top.logprobs);
  }
  return { logprobs, top };
}

/** The uniforms of the `step`-th new token. */
function settingsAt({ temperature, topK, topP, minP, seed }: GenerateOptions, step: number): Record<string, number> {
  return { temperature, topK, topP, minP, seed, step };
}
