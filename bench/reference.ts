/** The model and the inputs on which we measure ourselves beside a peer: the same numbers for both. */
import { normalAt, Random } from "../lib/random.ts";
import { nextTokenBatch, type TrainBatch } from "../lm/batch.ts";
import { expectedTensors, type LlamaConfig } from "../lm/config.ts";

/** 6 layers, width 256, 8 heads on 4 key-value heads, 2,048 words, tied: 5.0 M parameters in f32. */
export const referenceConfig: LlamaConfig = {
  nLayer: 6,
  nHead: 8,
  nKvHead: 4,
  dModel: 256,
  dHead: 32,
  dMlp: 704,
  dVocab: 2048,
  nCtx: 512,
  ropeTheta: 10000,
  normEps: 1e-5,
  tieEmbeddings: true,
  attentionBias: false,
  mlpBias: false,
  bosTokenId: undefined,
  eosTokenIds: [],
};

export const prefillLength = 256;
export const decodePrompt = 32;
export const decodeSteps = 32;
export const trainRows = 4;
export const trainLength = 128;
export const learningRate = 1e-3;
export const weightDecay = 0.1;
export const betas = [0.9, 0.95] as const;
export const adamEps = 1e-8;

/** Seeded weights by checkpoint name: gains 1, matrices normal with variance 1 / columns, embeddings 0.05. */
export function referenceWeights(config: LlamaConfig): Map<string, Float32Array<ArrayBuffer>> {
  const weights = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, shape] of expectedTensors(config)) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) values.fill(1);
    else {
      const std = name.includes("embed") ? 0.05 : shape[1]! ** -0.5;
      const stream = weights.size;
      for (let i = 0; i < values.length; i++) values[i] = std * normalAt(2026, stream, i);
    }
    weights.set(name, values);
  }
  return weights;
}

/** `n` seeded ids below `dVocab`. */
export function referenceIds(n: number, dVocab: number, stream = "ids"): Uint32Array<ArrayBuffer> {
  const random = new Random(7, stream);
  return Uint32Array.from({ length: n }, () => random.int(dVocab));
}

/** Next-token prediction on seeded ids; every position but the last of a row is a target. */
export function referenceBatch(rows: number, length: number, dVocab: number): TrainBatch {
  const ids = referenceIds(rows * length, dVocab, "batch");
  const mask = new Uint8Array(length).fill(1);
  return nextTokenBatch(
    Array.from({ length: rows }, (_, b) => ({ ids: ids.subarray(b * length, (b + 1) * length), mask })),
  );
}
