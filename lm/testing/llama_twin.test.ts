import { describe, expect, test } from "vitest";
import { expectClose, gamma, gradientTwin, printed } from "../../lib/testing/close.ts";
import { goldenConfig, goldenFill, goldenWeights } from "./golden_fill.ts";
import { LlamaTwin } from "./llama_twin.ts";

const ids = [1, 5, 2, 7, 3];
const targets = [5, 2, 7, 3, 0];
const quarter = [0.25, 0.25, 0.25, 0.25, 0];

describe("the float64 twin of a Llama", () => {
  test("the fill gives the printed numbers", () => {
    expectClose(goldenFill("model.norm.weight", 4), [0.981269, 1.003469, 1.037958, 1.084737], printed(6));
    expectClose(goldenFill("model.embed_tokens.weight", 20).subarray(16), [-0.089693, -0.048067, 0.055005, 0.219524], printed(6));
  });

  test("logits, loss and gradients are those of transformers on the tiny model", () => {
    const twin = new LlamaTwin(goldenConfig, goldenWeights(goldenConfig));
    const logits = twin.forward(ids, 5).subarray(4 * 13);
    const published = [1.53098, 1.22856, 1.43535, 0.73901, 0.93071, 0.61113, 0.83212, -0.19809, 0.86187, -0.80684, 2.44253, -1.13095, -0.59877];
    expectClose(logits, published, printed(5));
    const { loss, gradients } = twin.lossAndGradients(ids, targets, quarter, 5);
    expectClose(loss, 3.313523, printed(6));
    let square = 0;
    for (const g of gradients.values()) square += g.reduce((sum, x) => sum + x * x, 0);
    expectClose(Math.sqrt(square), 4.451473, printed(6));
    // The published gradients come from an f32 backward pass: a few roundings of the tensor's largest entry.
    const expectPublished = (name: string, from: number, published: number[]): void => {
      const g = gradients.get(name)!;
      const largest = g.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
      expectClose(g.subarray(from, from + 4), published, printed(8) + gamma(4) * largest, name);
    };
    expectPublished("model.layers.0.self_attn.q_proj.weight", 0, [7.9426e-4, 8.1321e-4, 6.1313e-4, -1.25902e-3]);
    expectPublished("model.layers.0.input_layernorm.weight", 0, [0.01309949, 0.00833735, -0.03062597, -0.18332381]);
    expectPublished("model.embed_tokens.weight", 5 * 16, [-0.03644866, 0.01132584, -0.0879629, -0.00855788]);
  });

  test("analytic gradients match central differences on every tensor", () => {
    const twin = new LlamaTwin(goldenConfig, goldenWeights(goldenConfig));
    const { gradients } = twin.lossAndGradients(ids, targets, quarter, 5);
    const h = 1e-5;
    for (const [name, w] of twin.weights) {
      const analytic = gradients.get(name)!;
      const bound = gradientTwin(analytic);
      for (let i = 0; i < w.length; i += Math.max(1, Math.floor(w.length / 7))) {
        const at = w[i]!;
        const lossAt = (value: number): number => {
          w[i] = value;
          return twin.lossAndGradients(ids, targets, quarter, 5).loss;
        };
        const numeric = (lossAt(at + h) - lossAt(at - h)) / (2 * h);
        w[i] = at;
        expectClose([analytic[i]!], [numeric], () => bound(i), `${name}[${i}]`);
      }
    }
  });

  test("gradient identities: Σ W⊙G agrees between matrices whose scales trade off", () => {
    const twin = new LlamaTwin(goldenConfig, goldenWeights(goldenConfig));
    const { gradients } = twin.lossAndGradients(ids, targets, quarter, 5);
    const trace = (name: string): number => twin.weights.get(name)!.reduce((sum, w, i) => sum + w * gradients.get(name)![i]!, 0);
    for (const layer of [0, 1]) {
      for (const [a, b] of [["self_attn.q_proj", "self_attn.k_proj"], ["self_attn.v_proj", "self_attn.o_proj"], ["mlp.up_proj", "mlp.down_proj"]]) {
        const [left, right] = [a, b].map((stem) => trace(`model.layers.${layer}.${stem}.weight`));
        expect(left).not.toBe(0);
        expectClose(left!, right!, printed(12));
      }
    }
  });
});
