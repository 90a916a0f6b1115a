/** What is measured of each engine. Every call returns when its result is in the script's hands. */
import type { TrainBatch } from "../lm/batch.ts";

export interface Decoded {
  /** The `n + 1` greedy ids: one from the prompt, one from each step. */
  readonly ids: readonly number[];
  /** Milliseconds of the `n` steps; prefill is not in them. */
  readonly ms: number;
}

export interface Contender {
  readonly name: string;
  /** Runs the prompt into a fresh cache; the logits of its last position [d_vocab]. */
  prefill(): Promise<Float32Array>;
  /** Continues `prompt` greedily by `n` tokens after the first. */
  decode(prompt: Uint32Array<ArrayBuffer>, n: number): Promise<Decoded>;
  /** One optimiser step on the batch; its loss before the update. Waits until the update is done. */
  trainStep(batch: TrainBatch): Promise<number>;
  dispose(): void;
}
