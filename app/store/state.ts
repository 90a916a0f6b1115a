/** What the page knows. Plain data: no device, no worker, no file and no controller ever lies in here. */
import type {
  AdapterInfo,
  AttentionSummary,
  BundledModel,
  MemoryUse,
  ModelInfo,
  ModelRef,
  Sampling,
  ScoredToken,
  Timing,
} from "../../lab/protocol.ts";
import type { ErrorData } from "../../lib/errors.ts";
import type { Capability } from "../capability.ts";
import type { PageId, PageValues } from "../link/pages.ts";

export type Theme = "system" | "light" | "dark";

/** From the first look at the browser to an engine that answers. */
export type EngineState =
  | { readonly status: "checking" }
  | { readonly status: "blocked"; readonly reason: Capability }
  | { readonly status: "opening" }
  | { readonly status: "error"; readonly error: ErrorData }
  | { readonly status: "open"; readonly adapter: AdapterInfo; readonly bundled: readonly BundledModel[] };

export type LoadState =
  | { readonly status: "idle" }
  | {
      readonly status: "running";
      readonly ref: ModelRef;
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | { readonly status: "error"; readonly ref: ModelRef; readonly error: ErrorData };

/** Tokens in runs of at most `chunkSize`; a full run keeps its identity, so what is drawn of it stays drawn. */
export type Chunks = readonly (readonly ScoredToken[])[];

/** What was asked of the model: enough to ask it again. */
export interface GenerationRequest {
  readonly ref: ModelRef;
  readonly prompt: string;
  readonly sampling: Sampling;
  readonly maxNewTokens: number;
  readonly n: number;
}

export type Stopped = "eos" | "length" | "context" | "cancelled";

export interface Generation {
  readonly status: "idle" | "running" | "error" | "done";
  readonly request: GenerationRequest | null;
  readonly prompt: Chunks;
  readonly continuations: readonly Chunks[];
  readonly stopped: Stopped | null;
  readonly timing: Timing | null;
  readonly error: ErrorData | null;
}

export interface LayerPattern {
  readonly layer: number;
  readonly nHead: number;
  readonly nTokens: number;
  readonly pattern: Float32Array;
}

export interface Reading {
  readonly status: "idle" | "running" | "error" | "done";
  readonly ref: ModelRef | null;
  readonly text: string | null;
  readonly summary: AttentionSummary | null;
  /** Most recently asked for first. */
  readonly patterns: readonly LayerPattern[];
  readonly error: ErrorData | null;
}

export interface LostState {
  readonly error: ErrorData;
  readonly recovered: boolean;
}

export interface LabState extends PageValues {
  readonly page: PageId;
  /** The model the link names; "" is the one the lab opens with. */
  readonly wanted: string;
  readonly theme: Theme;
  /** Parts of the link that were not understood. */
  readonly ignored: readonly string[];
  readonly engine: EngineState;
  readonly load: LoadState;
  readonly model: ModelInfo | null;
  readonly memory: MemoryUse | null;
  readonly lost: LostState | null;
  readonly generation: Generation;
  readonly reading: Reading;
}

/** Where each key of the state may be kept. A key without an answer does not compile. */
export const places = {
  page: "url",
  wanted: "url",
  playground: "url",
  attention: "url",
  world: "url",
  theme: "local",
  ignored: "none",
  engine: "none",
  load: "none",
  model: "none",
  memory: "none",
  lost: "none",
  generation: "none",
  reading: "none",
} as const satisfies Readonly<Record<keyof LabState, "url" | "local" | "none">>;

export const noGeneration: Generation = {
  status: "idle",
  request: null,
  prompt: [],
  continuations: [],
  stopped: null,
  timing: null,
  error: null,
};

export const noReading: Reading = {
  status: "idle",
  ref: null,
  text: null,
  summary: null,
  patterns: [],
  error: null,
};
