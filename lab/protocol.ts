/**
 * What the page and the session say to each other. Plain data, structured-cloneable; no code here computes.
 * Letters for shapes: T tokens, L layers, H heads.
 */
import type { ErrorData } from "../lib/errors.ts";

/** `bundled:NAME`, or `file:NAME` for a folder or files the visitor chose. */
export type ModelRef = `bundled:${string}` | `file:${string}`;

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly isSoftware: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
}

/** A model that can be loaded without choosing files: one entry of `models/index.json`. */
export interface BundledModel {
  readonly ref: ModelRef;
  readonly name: string;
  readonly summary: string;
  readonly nParams: number;
  readonly bytes: number;
}

export interface ModelInfo {
  readonly ref: ModelRef;
  readonly family: "llama";
  readonly nLayer: number;
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly dVocab: number;
  readonly nCtx: number;
  readonly nParams: number;
  /** Bytes of the weights on the device. */
  readonly weightBytes: number;
  /** Bytes of KV cache one token needs. */
  readonly kvBytesPerToken: number;
  /** SHA-256 of `model.safetensors`, hex; absent until it has been computed. */
  readonly sha256?: string;
  readonly hasTokenizer: boolean;
}

export interface MemoryUse {
  readonly bytes: number;
  readonly peakBytes: number;
  readonly byKind: Readonly<Record<"weights" | "cache" | "optimizer" | "activations" | "staging" | "other", number>>;
}

export interface Token {
  readonly id: number;
  /** As it appears in text: leading space kept, a newline is "\n". */
  readonly piece: string;
  /** A mark of the tokenizer such as `<bos>`, which a text does not contain. */
  readonly isSpecial?: boolean;
}

/** A token together with how probable the model found it, and what it would have liked instead. */
export interface ScoredToken extends Token {
  /** Natural log of its probability given all tokens before; null for the first token of a text. */
  readonly logprob: number | null;
  /** The most probable tokens at this place, best first (the chosen one may be among them). */
  readonly runnersUp: readonly { readonly id: number; readonly piece: string; readonly logprob: number }[];
}

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 is off. */
  readonly topK: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly minP: number;
  readonly seed: number;
}

export interface Timing {
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Decoded tokens of all continuations per second of decodeMs. */
  readonly tokensPerSecond: number;
  readonly dispatchesPerToken: number;
  readonly readbackBytesPerToken: number;
}

/** Mean over query positions, one row per layer: what the "funnel" figure draws. All nats or fractions. */
export interface AttentionSummary {
  readonly tokens: readonly Token[];
  readonly nLayer: number;
  readonly nHead: number;
  /** [L·H] mean entropy of the attention rows, nats. */
  readonly entropy: Float32Array;
  /** [L·H] mean attention paid to the first token by queries after it. */
  readonly sink: Float32Array;
  /** Logit lens: for each of L+1 depths (0 = embedding, L = the model's own answer), what the position would say. */
  readonly lens: readonly LensRow[];
}

export interface LensRow {
  /** [T] the most probable next token at this depth. */
  readonly top: readonly Token[];
  /** [T] its probability. */
  readonly probability: Float32Array;
  /** [T] probability this depth gives to the token that really follows (0 for the last). */
  readonly nextProbability: Float32Array;
}

/** Every call the page can make: what it sends, what streams back, what it gets in the end. */
export interface Calls {
  open: { params: Record<string, never>; event: never; result: { readonly adapter: AdapterInfo; readonly bundled: readonly BundledModel[] } };
  load: {
    params: { readonly ref: ModelRef; /** for `file:` references */ readonly files?: readonly File[] };
    event: { readonly kind: "progress"; readonly bytes: number; readonly totalBytes: number };
    result: ModelInfo;
  };
  tokenize: { params: { readonly text: string }; event: never; result: { readonly tokens: readonly Token[] } };
  generate: {
    params: {
      readonly prompt: string;
      readonly maxNewTokens: number;
      readonly sampling: Sampling;
      /** Continuations at once. */
      readonly n: number;
      readonly nRunnersUp: number;
    };
    event:
      | { readonly kind: "prompt"; readonly tokens: readonly ScoredToken[] }
      | { readonly kind: "token"; readonly continuation: number; readonly token: ScoredToken };
    result: { readonly stopped: "eos" | "length" | "context" | "cancelled"; readonly timing: Timing };
  };
  attention: { params: { readonly text: string }; event: never; result: AttentionSummary };
  /** [H, T, T] probabilities of one layer for the text of the last `attention` call. */
  pattern: { params: { readonly text: string; readonly layer: number }; event: never; result: { readonly nHead: number; readonly nTokens: number; readonly pattern: Float32Array } };
  status: { params: Record<string, never>; event: never; result: { readonly memory: MemoryUse } };
}

export type Method = keyof Calls;

/** Page → worker. */
export type Request =
  | { readonly id: number; readonly kind: "call"; readonly method: Method; readonly params: unknown }
  | { readonly id: number; readonly kind: "cancel" };

/** Worker → page. `lost` has no id: the device is gone and every running call has been answered with an error. */
export type Response =
  | { readonly id: number; readonly kind: "event"; readonly event: unknown }
  | { readonly id: number; readonly kind: "result"; readonly result: unknown }
  | { readonly id: number; readonly kind: "error"; readonly error: ErrorData }
  | { readonly kind: "lost"; readonly error: ErrorData; /** true when the session is back and models must be loaded again */ readonly recovered: boolean };

/** The page's view of the engine: the real one talks to the worker, tests give a fake. */
export interface Engine {
  call<M extends Method>(
    method: M,
    params: Calls[M]["params"],
    options?: { readonly signal?: AbortSignal; readonly onEvent?: (event: Calls[M]["event"]) => void },
  ): Promise<Calls[M]["result"]>;
  /** Called when the device is lost. */
  onLost(listener: (error: ErrorData, recovered: boolean) => void): void;
}
