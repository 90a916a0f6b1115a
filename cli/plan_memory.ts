/** How much memory a model will need, before a byte of it is read. */
import { Gpu } from "../gpu/gpu.ts";
import { type LlamaConfig, memoryBytes } from "../lm/config.ts";
import { nextTokenBatch } from "../lm/batch.ts";
import { Trainer } from "../lm/train.ts";
import { Transformer } from "../lm/transformer.ts";
import { nullProvider } from "./adapter.ts";

export interface MemoryPlan {
  /** Bytes of the parameters in f32. */
  readonly weights: number;
  /** Bytes of keys and values of one token in f32. */
  readonly kvPerToken: number;
  /** Bytes on the device in a forward pass over min(512, nCtx) tokens. */
  readonly peakForward: number;
  /** Bytes on the device in a training step on 4 sequences of min(128, nCtx) tokens. */
  readonly peakTrain: number;
  /** Whether the peaks come from the plans themselves; otherwise they are estimates. */
  readonly isPlanned: boolean;
}

/** Above this the null device, which keeps its buffers in main memory, is left alone. */
const maxPlannedBytes = 1e9;

/** Records the passes on Dawn's null device and asks them; nothing is computed, no weights are needed. */
export async function planMemory(config: LlamaConfig): Promise<MemoryPlan> {
  const sizes = memoryBytes(config, "f32");
  if (sizes.weights > maxPlannedBytes) return { ...sizes, ...estimatePeaks(config), isPlanned: false };
  const gpu = await Gpu.open(await nullProvider());
  try {
    const model = new Transformer(gpu, config);
    const seqLen = Math.min(512, config.nCtx);
    const ids = gpu.zeros([seqLen], "u32", "ids");
    const forward = await gpu.record("forward", (r) => r.keep(model.forward(r, ids, { batch: 1, seqLen })));
    const peakForward = gpu.memory.report().bytes;
    forward.dispose();
    gpu.free(ids);
    gpu.memory.trim();
    const trainer = new Trainer(model, { clip: 1 });
    const length = Math.min(128, config.nCtx);
    const sequence = { ids: new Uint32Array(length), mask: new Uint8Array(length).fill(1) };
    await trainer.step([nextTokenBatch([sequence, sequence, sequence, sequence])], 0);
    return { ...sizes, peakForward, peakTrain: gpu.memory.report().bytes, isPlanned: true };
  } finally {
    gpu.destroy();
  }
}

/**
 * The same from sizes alone. Forward: weights, logits, and of one layer what lives at once. Training: weights,
 * gradients and two moments, logits and their gradient, and of every layer what the backward pass needs.
 */
export function estimatePeaks(config: LlamaConfig): { peakForward: number; peakTrain: number } {
  const { nLayer, nHead, nKvHead, dHead, dModel, dMlp, dVocab, nCtx } = config;
  const { weights } = memoryBytes(config, "f32");
  const rope = nCtx * dHead;
  const qkv = (nHead + 2 * nKvHead) * dHead;
  const widest = Math.max(2 * dModel + 2 * qkv, 2 * dModel + 3 * dMlp);
  const layer = 4 * dModel + 2 * qkv + nHead * (dHead + 1) + 3 * dMlp;
  const [forwardTokens, trainTokens] = [Math.min(512, nCtx), 4 * Math.min(128, nCtx)];
  return {
    peakForward: weights + 4 * (rope + forwardTokens * Math.max(widest, dModel + dVocab)),
    peakTrain: 4 * weights + 4 * (rope + trainTokens * (nLayer * layer + widest + 2 * dVocab)),
  };
}
