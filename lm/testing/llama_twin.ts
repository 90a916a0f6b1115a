/**
 * A Llama in float64 with plain loops: forward, backward and AdamW, written from the formulas and sharing no
 * code with the device's kernels. Slow and obvious; tests hold the engine against it.
 */
import type { LlamaConfig } from "../config.ts";

/** Parameters by checkpoint name, row-major float64. */
export type TwinWeights = Map<string, Float64Array>;

/** y[N,out] = x[N,in] · Wᵀ. */
function linear(x: Float64Array, w: Float64Array, nIn: number): Float64Array {
  const [n, nOut] = [x.length / nIn, w.length / nIn];
  const y = new Float64Array(n * nOut);
  for (let i = 0; i < n; i++)
    for (let o = 0; o < nOut; o++) {
      let sum = 0;
      for (let k = 0; k < nIn; k++) sum += x[i * nIn + k]! * w[o * nIn + k]!;
      y[i * nOut + o] = sum;
    }
  return y;
}

/** Adds the gradients of y = x·Wᵀ to dx and dw. */
function linearBackward(x: Float64Array, w: Float64Array, dy: Float64Array, nIn: number, dx: Float64Array, dw: Float64Array): void {
  const [n, nOut] = [x.length / nIn, w.length / nIn];
  for (let i = 0; i < n; i++)
    for (let o = 0; o < nOut; o++) {
      const g = dy[i * nOut + o]!;
      for (let k = 0; k < nIn; k++) {
        dx[i * nIn + k]! += g * w[o * nIn + k]!;
        dw[o * nIn + k]! += g * x[i * nIn + k]!;
      }
    }
}

const rstdOf = (x: Float64Array, base: number, d: number, eps: number): number => {
  let sq = 0;
  for (let k = 0; k < d; k++) sq += x[base + k]! ** 2;
  return 1 / Math.sqrt(sq / d + eps);
};

function norm(x: Float64Array, w: Float64Array, eps: number): Float64Array {
  const d = w.length;
  const y = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += d) {
    const rstd = rstdOf(x, base, d, eps);
    for (let k = 0; k < d; k++) y[base + k] = x[base + k]! * rstd * w[k]!;
  }
  return y;
}

function normBackward(x: Float64Array, w: Float64Array, dy: Float64Array, eps: number, dx: Float64Array, dw: Float64Array): void {
  const d = w.length;
  for (let base = 0; base < x.length; base += d) {
    const rstd = rstdOf(x, base, d, eps);
    let mean = 0;
    for (let k = 0; k < d; k++) mean += (w[k]! * dy[base + k]! * x[base + k]!) / d;
    for (let k = 0; k < d; k++) {
      dx[base + k]! += rstd * w[k]! * dy[base + k]! - x[base + k]! * rstd ** 3 * mean;
      dw[k]! += dy[base + k]! * x[base + k]! * rstd;
    }
  }
}

/** Rotates the heads of x[B·T, nHead·D] in place by +φ or, for the backward pass, −φ. */
function rotate(x: Float64Array, seqLen: number, nHead: number, d: number, theta: number, sign: 1 | -1): void {
  const [half, width] = [d / 2, nHead * d];
  for (let row = 0; row < x.length / width; row++)
    for (let h = 0; h < nHead; h++)
      for (let m = 0; m < half; m++) {
        const angle = sign * (row % seqLen) * theta ** (-m / half);
        const a = row * width + h * d + m;
        const [u, v] = [x[a]!, x[a + half]!];
        x[a] = u * Math.cos(angle) - v * Math.sin(angle);
        x[a + half] = v * Math.cos(angle) + u * Math.sin(angle);
      }
}

const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));

interface Block {
  readonly x: Float64Array;
  readonly normed1: Float64Array;
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
  readonly pattern: Float64Array;
  readonly z: Float64Array;
  readonly mid: Float64Array;
  readonly normed2: Float64Array;
  readonly gate: Float64Array;
  readonly up: Float64Array;
  readonly post: Float64Array;
}

export class LlamaTwin {
  readonly config: LlamaConfig;
  readonly weights: TwinWeights;

  constructor(config: LlamaConfig, weights: ReadonlyMap<string, ArrayLike<number>>) {
    this.config = config;
    this.weights = new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)]));
  }

  /** Logits [B·T, V]. */
  forward(ids: ArrayLike<number>, seqLen: number): Float64Array {
    return this.run(ids, seqLen).logits;
  }

  /** Σ weights·nll and the gradient of every parameter. */
  lossAndGradients(
    ids: ArrayLike<number>,
    targets: ArrayLike<number>,
    weights: ArrayLike<number>,
    seqLen: number,
  ): { loss: number; gradients: TwinWeights } {
    const { config } = this;
    const { dModel, dVocab, dMlp, dHead, nHead, nKvHead, normEps } = config;
    const { blocks, last, normed, logits } = this.run(ids, seqLen);
    const gradients: TwinWeights = new Map([...this.weights].map(([name, w]) => [name, new Float64Array(w.length)]));
    const [w, g] = [(name: string) => this.weights.get(name)!, (name: string) => gradients.get(name)!];
    const headName = config.tieEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";

    let loss = 0;
    const dLogits = new Float64Array(logits.length);
    for (let t = 0; t < ids.length; t++) {
      if (!weights[t]) continue;
      const row = logits.subarray(t * dVocab, (t + 1) * dVocab);
      const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const lse = max + Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0));
      loss += weights[t]! * (lse - row[targets[t]!]!);
      for (let i = 0; i < dVocab; i++) {
        dLogits[t * dVocab + i] = weights[t]! * (Math.exp(row[i]! - lse) - (i === targets[t] ? 1 : 0));
      }
    }
    const dNormed = new Float64Array(normed.length);
    linearBackward(normed, w(headName), dLogits, dModel, dNormed, g(headName));
    let dx = new Float64Array(last.length);
    normBackward(last, w("model.norm.weight"), dNormed, normEps, dx, g("model.norm.weight"));

    for (let layer = config.nLayer - 1; layer >= 0; layer--) {
      const b = blocks[layer]!;
      const name = (stem: string): string => `model.layers.${layer}.${stem}.weight`;
      const dPost = new Float64Array(b.post.length);
      linearBackward(b.post, w(name("mlp.down_proj")), dx, dMlp, dPost, g(name("mlp.down_proj")));
      const [dGate, dUp] = [new Float64Array(dPost.length), new Float64Array(dPost.length)];
      for (let i = 0; i < dPost.length; i++) {
        const s = sigmoid(b.gate[i]!);
        dUp[i] = dPost[i]! * b.gate[i]! * s;
        dGate[i] = dPost[i]! * b.up[i]! * s * (1 + b.gate[i]! * (1 - s));
      }
      const dNormed2 = new Float64Array(b.mid.length);
      linearBackward(b.normed2, w(name("mlp.gate_proj")), dGate, dModel, dNormed2, g(name("mlp.gate_proj")));
      linearBackward(b.normed2, w(name("mlp.up_proj")), dUp, dModel, dNormed2, g(name("mlp.up_proj")));
      const dMid = dx.slice();
      normBackward(b.mid, w(name("post_attention_layernorm")), dNormed2, normEps, dMid, g(name("post_attention_layernorm")));

      const dz = new Float64Array(b.z.length);
      linearBackward(b.z, w(name("self_attn.o_proj")), dMid, nHead * dHead, dz, g(name("self_attn.o_proj")));
      const { dq, dk, dv } = this.attentionBackward(b, dz, seqLen);
      rotate(dq, seqLen, nHead, dHead, config.ropeTheta, -1);
      rotate(dk, seqLen, nKvHead, dHead, config.ropeTheta, -1);
      const dNormed1 = new Float64Array(b.x.length);
      linearBackward(b.normed1, w(name("self_attn.q_proj")), dq, dModel, dNormed1, g(name("self_attn.q_proj")));
      linearBackward(b.normed1, w(name("self_attn.k_proj")), dk, dModel, dNormed1, g(name("self_attn.k_proj")));
      linearBackward(b.normed1, w(name("self_attn.v_proj")), dv, dModel, dNormed1, g(name("self_attn.v_proj")));
      dx = dMid.slice();
      normBackward(b.x, w(name("input_layernorm")), dNormed1, normEps, dx, g(name("input_layernorm")));
    }
    const dEmbed = g("model.embed_tokens.weight");
    for (let t = 0; t < ids.length; t++) {
      for (let k = 0; k < dModel; k++) dEmbed[ids[t]! * dModel + k]! += dx[t * dModel + k]!;
    }
    return { loss, gradients };
  }

  private run(ids: ArrayLike<number>, seqLen: number) {
    const { config } = this;
    const { dModel, nHead, nKvHead, dHead, dMlp, normEps } = config;
    const w = (name: string) => this.weights.get(name)!;
    const embed = w("model.embed_tokens.weight");
    let x: Float64Array = new Float64Array(ids.length * dModel);
    for (let t = 0; t < ids.length; t++) x.set(embed.subarray(ids[t]! * dModel, (ids[t]! + 1) * dModel), t * dModel);
    const blocks: Block[] = [];
    for (let layer = 0; layer < config.nLayer; layer++) {
      const name = (stem: string): string => `model.layers.${layer}.${stem}.weight`;
      const normed1 = norm(x, w(name("input_layernorm")), normEps);
      const q = linear(normed1, w(name("self_attn.q_proj")), dModel);
      const k = linear(normed1, w(name("self_attn.k_proj")), dModel);
      const v = linear(normed1, w(name("self_attn.v_proj")), dModel);
      rotate(q, seqLen, nHead, dHead, config.ropeTheta, 1);
      rotate(k, seqLen, nKvHead, dHead, config.ropeTheta, 1);
      const { pattern, z } = this.attention(q, k, v, seqLen);
      const branch = linear(z, w(name("self_attn.o_proj")), nHead * dHead);
      const mid = x.map((value, i) => value + branch[i]!);
      const normed2 = norm(mid, w(name("post_attention_layernorm")), normEps);
      const gate = linear(normed2, w(name("mlp.gate_proj")), dModel);
      const up = linear(normed2, w(name("mlp.up_proj")), dModel);
      const post = gate.map((a, i) => a * sigmoid(a) * up[i]!);
      const mlp = linear(post, w(name("mlp.down_proj")), dMlp);
      blocks.push({ x, normed1, q, k, v, pattern, z, mid, normed2, gate, up, post });
      x = mid.map((value, i) => value + mlp[i]!);
    }
    const normed = norm(x, w("model.norm.weight"), normEps);
    const logits = linear(normed, config.tieEmbeddings ? embed : w("lm_head.weight"), dModel);
    return { blocks, last: x, normed, logits };
  }

  /** Causal grouped-query attention with its full pattern [B, H, T, T]. */
  private attention(q: Float64Array, k: Float64Array, v: Float64Array, seqLen: number): { pattern: Float64Array; z: Float64Array } {
    const { nHead, nKvHead, dHead } = this.config;
    const batch = q.length / (seqLen * nHead * dHead);
    const pattern = new Float64Array(batch * nHead * seqLen * seqLen);
    const z = new Float64Array(q.length);
    this.eachRow(batch, seqLen, (b, h, i, qAt, row) => {
      const scores = new Float64Array(i + 1);
      for (let j = 0; j <= i; j++) {
        const kAt = ((b * seqLen + j) * nKvHead + kvHead(h, nHead, nKvHead)) * dHead;
        for (let c = 0; c < dHead; c++) scores[j]! += (q[qAt + c]! * k[kAt + c]!) / Math.sqrt(dHead);
      }
      const max = scores.reduce((a, s) => Math.max(a, s), -Infinity);
      const sum = scores.reduce((a, s) => a + Math.exp(s - max), 0);
      for (let j = 0; j <= i; j++) {
        const p = Math.exp(scores[j]! - max) / sum;
        pattern[row + j] = p;
        const vAt = ((b * seqLen + j) * nKvHead + kvHead(h, nHead, nKvHead)) * dHead;
        for (let c = 0; c < dHead; c++) z[qAt + c]! += p * v[vAt + c]!;
      }
    });
    return { pattern, z };
  }

  private attentionBackward({ q, k, v, pattern }: Block, dz: Float64Array, seqLen: number) {
    const { nHead, nKvHead, dHead } = this.config;
    const batch = q.length / (seqLen * nHead * dHead);
    const [dq, dk, dv] = [new Float64Array(q.length), new Float64Array(k.length), new Float64Array(v.length)];
    this.eachRow(batch, seqLen, (b, h, i, qAt, row) => {
      const at = (j: number): number => ((b * seqLen + j) * nKvHead + kvHead(h, nHead, nKvHead)) * dHead;
      const dp = new Float64Array(i + 1);
      let mean = 0;
      for (let j = 0; j <= i; j++) {
        for (let c = 0; c < dHead; c++) {
          dp[j]! += dz[qAt + c]! * v[at(j) + c]!;
          dv[at(j) + c]! += pattern[row + j]! * dz[qAt + c]!;
        }
        mean += pattern[row + j]! * dp[j]!;
      }
      for (let j = 0; j <= i; j++) {
        const ds = (pattern[row + j]! * (dp[j]! - mean)) / Math.sqrt(dHead);
        for (let c = 0; c < dHead; c++) {
          dq[qAt + c]! += ds * k[at(j) + c]!;
          dk[at(j) + c]! += ds * q[qAt + c]!;
        }
      }
    });
    return { dq, dk, dv };
  }

  /** Calls with batch, head, query, the query's offset in q and its row's offset in the pattern. */
  private eachRow(batch: number, seqLen: number, visit: (b: number, h: number, i: number, qAt: number, row: number) => void): void {
    const { nHead, dHead } = this.config;
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < nHead; h++)
        for (let i = 0; i < seqLen; i++) {
          visit(b, h, i, ((b * seqLen + i) * nHead + h) * dHead, ((b * nHead + h) * seqLen + i) * seqLen);
        }
  }
}

const kvHead = (h: number, nHead: number, nKvHead: number): number => Math.floor(h / (nHead / nKvHead));

/** AdamW with decoupled decay and clipping by the global norm, in float64 (methods and constants as in `gpu/optim`). */
export class AdamWTwin {
  private t = 0;
  private readonly m: TwinWeights = new Map();
  private readonly v: TwinWeights = new Map();

  step(
    weights: TwinWeights,
    gradients: TwinWeights,
    { lr, betas, eps, weightDecay, clip }: { lr: number; betas: readonly [number, number]; eps: number; weightDecay: number; clip: number },
    isDecayed: (name: string) => boolean,
  ): void {
    this.t++;
    let square = 0;
    for (const g of gradients.values()) square += g.reduce((sum, x) => sum + x * x, 0);
    const scale = Math.min(1, clip / (Math.sqrt(square) + 1e-6));
    for (const [name, w] of weights) {
      const g = gradients.get(name)!;
      if (!this.m.has(name)) {
        this.m.set(name, new Float64Array(w.length));
        this.v.set(name, new Float64Array(w.length));
      }
      const [m, v] = [this.m.get(name)!, this.v.get(name)!];
      for (let i = 0; i < w.length; i++) {
        const gi = g[i]! * scale;
        m[i] = betas[0] * m[i]! + (1 - betas[0]) * gi;
        v[i] = betas[1] * v[i]! + (1 - betas[1]) * gi * gi;
        const mHat = m[i]! / (1 - betas[0] ** this.t);
        const vHat = v[i]! / (1 - betas[1] ** this.t);
        w[i]! -= lr * (mHat / (Math.sqrt(vHat) + eps) + (isDecayed(name) ? weightDecay * w[i]! : 0));
      }
    }
  }
}
