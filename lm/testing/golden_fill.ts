import { expectedTensors, type LlamaConfig } from "../config.ts";

/**
 * Deterministic parameters without a random generator, for models whose outputs are known from elsewhere:
 * u(k) = ((31·k² + (17+s)·k + 101·s) mod 1009) / 1009 − 0.5 with s = Σ character codes of the name mod 97;
 * 0.2·u for biases, 1 + 0.2·u for norm gains, u for the rest.
 */
export function goldenFill(name: string, size: number): Float64Array {
  let s = 0;
  for (const character of name) s += character.charCodeAt(0);
  s %= 97;
  return Float64Array.from({ length: size }, (_, k) => {
    const u = ((31 * k * k + (17 + s) * k + 101 * s) % 1009) / 1009 - 0.5;
    if (name.endsWith("bias")) return 0.2 * u;
    return name.includes("norm") || name.includes("ln_") ? 1 + 0.2 * u : u;
  });
}

/** Every tensor of a model, filled. */
export function goldenWeights(config: LlamaConfig): Map<string, Float64Array> {
  return new Map(
    [...expectedTensors(config)].map(([name, shape]) => [name, goldenFill(name, shape.reduce((a, b) => a * b, 1))]),
  );
}

/** The tiny Llama whose logits, gradients and greedy tokens are printed in the tests. */
export const goldenConfig: LlamaConfig = {
  nLayer: 2,
  nHead: 4,
  nKvHead: 2,
  dModel: 16,
  dHead: 4,
  dMlp: 24,
  dVocab: 13,
  nCtx: 64,
  ropeTheta: 10000,
  normEps: 1e-5,
  tieEmbeddings: true,
  attentionBias: false,
  mlpBias: false,
  bosTokenId: undefined,
  eosTokenIds: [],
};
