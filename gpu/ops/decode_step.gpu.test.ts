import { describe, expect, test } from "vitest";
import { expectClose, modelLogits } from "../../lib/testing/close.ts";
import { Random } from "../../lib/random.ts";
import type { Gpu } from "../gpu.ts";
import type { Plan } from "../plan.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";
import { decodeAttention } from "./decode_attention.ts";
import { decodeEmbed } from "./decode_embed.ts";
import { decodeGateUp } from "./decode_gate_up.ts";
import { decodeHead } from "./decode_head.ts";
import { decodeProject } from "./decode_project.ts";
import { decodeQkv } from "./decode_qkv.ts";
import { tunedGpu } from "../testing/decode.ts";

/** A Llama small enough to read: 2 layers, 4 heads over 2 kv heads of width 4, MLP 24, 13 words, tied head. */
const [nLayer, nHead, nKvHead, dHead, dMlp, dVocab, nSlots] = [2, 4, 2, 4, 24, 13, 8];
const dModel = nHead * dHead;
const eps = Math.fround(1e-5);
const nSteps = 5;

interface Layer {
  readonly inNorm: Float32Array;
  readonly qkv: Float32Array;
  readonly o: Float32Array;
  readonly mlpNorm: Float32Array;
  readonly gateUp: Float32Array;
  readonly down: Float32Array;
}

interface Model {
  readonly table: Float32Array;
  readonly layers: readonly Layer[];
  readonly finalNorm: Float32Array;
}

function makeModel(): Model {
  const random = new Random(7, "tiny llama");
  const values = (n: number, centre: number, spread: number) =>
    Float32Array.from({ length: n }, () => centre + spread * (2 * random.next() - 1));
  const matrix = (nRows: number, dIn: number) => values(nRows * dIn, 0, 2 / Math.sqrt(dIn));
  return {
    table: values(dVocab * dModel, 0, 1),
    layers: Array.from({ length: nLayer }, () => ({
      inNorm: values(dModel, 1, 0.5),
      qkv: matrix((nHead + 2 * nKvHead) * dHead, dModel),
      o: matrix(dModel, dModel),
      mlpNorm: values(dModel, 1, 0.5),
      gateUp: matrix(2 * dMlp, dModel),
      down: matrix(dModel, dMlp),
    })),
    finalNorm: values(dModel, 1, 0.5),
  };
}

/** cos and sin of position · 10000^(−2i/D), rounded to f32 as the device gets them. */
const ropeTable = Float32Array.from({ length: nSlots * dHead }, (_, at) => {
  const [position, i] = [Math.floor(at / dHead), Math.floor((at % dHead) / 2)];
  const angle = position * 10000 ** ((-2 * i) / dHead);
  return at % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
});

/**
 * Float64 twin of the whole model: logits after the last of `ids`, by recomputing every position with no cache
 * and none of the kernels' twins.
 */
function logitsTwin(model: Model, ids: readonly number[]): number[] {
  const times = (w: Float32Array, x: readonly number[]) =>
    Array.from({ length: w.length / x.length }, (_, row) => x.reduce((sum, value, d) => sum + value * w[row * x.length + d]!, 0));
  const norm = (x: readonly number[], gain: Float32Array) => {
    const rstd = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + eps);
    return x.map((value, d) => value * rstd * gain[d]!);
  };
  const turn = (head: readonly number[], position: number) =>
    head.map((value, d) => {
      const half = dHead / 2;
      const [c, s] = [ropeTable[position * dHead + 2 * (d % half)]!, ropeTable[position * dHead + 2 * (d % half) + 1]!];
      return d < half ? value * c - head[d + half]! * s : value * c + head[d - half]! * s;
    });
  let stream = ids.map((id) => [...model.table.subarray(id * dModel, (id + 1) * dModel)]);
  for (const layer of model.layers) {
    const heads = stream.map((x, position) => {
      const z = times(layer.qkv, norm(x, layer.inNorm));
      const all = Array.from({ length: nHead + 2 * nKvHead }, (_, h) => z.slice(h * dHead, (h + 1) * dHead));
      return all.map((head, h) => (h < nHead + nKvHead ? turn(head, position) : head));
    });
    stream = stream.map((x, t) => {
      const mixed = Array.from({ length: nHead }, (_, h) => {
        const group = Math.floor(h / (nHead / nKvHead));
        const seen = heads.slice(0, t + 1);
        const scores = seen.map((past) => past[nHead + group]!.reduce((sum, value, d) => sum + value * heads[t]![h]![d]!, 0) / Math.sqrt(dHead));
        const top = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - top));
        const total = weights.reduce((a, b) => a + b, 0);
        return Array.from({ length: dHead }, (_, d) =>
          seen.reduce((sum, past, s) => sum + (weights[s]! / total) * past[nHead + nKvHead + group]![d]!, 0),
        );
      }).flat();
      const middle = times(layer.o, mixed).map((value, d) => x[d]! + value);
      const z = times(layer.gateUp, norm(middle, layer.mlpNorm));
      const hidden = z.slice(0, dMlp).map((gate, f) => (gate / (1 + Math.exp(-gate))) * z[dMlp + f]!);
      return times(layer.down, hidden).map((value, d) => middle[d]! + value);
    });
  }
  return times(model.table, norm(stream.at(-1)!, model.finalNorm));
}

interface Step {
  readonly plan: Plan & { readonly outputs: Tensor };
  readonly ids: Tensor;
}

/** The whole step as one plan: embed, five kernels a layer, head. */
async function recordStep(gpu: Gpu, model: Model, nBatch: number): Promise<Step> {
  const upload = (data: Float32Array, dIn: number) => gpu.upload(data, [data.length / dIn, dIn], "w", "weights");
  const gain = (data: Float32Array) => gpu.upload(data, [data.length], "gain", "weights");
  const ids = gpu.upload(new Uint32Array(nBatch), [nBatch], "ids");
  const table = upload(model.table, dModel);
  const finalNorm = gain(model.finalNorm);
  const rope = gpu.upload(ropeTable, [nSlots, dHead / 2, 2], "rope");
  const layers = model.layers.map((layer) => ({
    inNorm: gain(layer.inNorm),
    qkv: upload(layer.qkv, dModel),
    o: upload(layer.o, dModel),
    mlpNorm: gain(layer.mlpNorm),
    gateUp: upload(layer.gateUp, dModel),
    down: upload(layer.down, dMlp),
    k: gpu.zeros([nBatch, nKvHead, nSlots, dHead], "f32", "k", "cache"),
    v: gpu.zeros([nBatch, nKvHead, nSlots, dHead], "f32", "v", "cache"),
  }));
  const plan = await gpu.record("decode step", (r: Recorder) => {
    const heads = { nHead, nKvHead, dHead, position: r.dynamic("position") };
    let x = decodeEmbed(r, table, ids);
    for (const { inNorm, qkv, o, mlpNorm, gateUp, down, k, v } of layers) {
      const q = decodeQkv(r, x, inNorm, qkv, rope, k, v, { ...heads, eps });
      x = decodeProject(r, decodeAttention(r, q, k, v, heads), o, x);
      x = decodeProject(r, decodeGateUp(r, x, mlpNorm, gateUp, eps), down, x);
    }
    return r.keep(decodeHead(r, x, finalNorm, table, eps));
  });
  return { plan, ids };
}

const argmax = (row: ArrayLike<number>): number => Array.from(row).reduce((best, value, i, all) => (value > all[best]! ? i : best), 0);
const standardDeviation = (values: readonly number[]): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

describe("a whole decode step", () => {
  test.each([
    ["own", 1],
    ["own", 3],
    ["hardware", 2],
  ] as const)("%s tuning, batch %i: five greedy positions equal full recomputation", async (tuning, nBatch) => {
    const gpu = await tunedGpu(tuning);
    const model = makeModel();
    const { plan, ids } = await recordStep(gpu, model, nBatch);
    expect(plan.nDispatches).toBe(5 * nLayer + 2);
    const texts = Array.from({ length: nBatch }, (_, b) => [(5 * b + 2) % dVocab]);
    for (let position = 0; position < nSteps; position++) {
      gpu.write(ids, Uint32Array.from(texts, (text) => text[position]!));
      await gpu.guarded("decode step", () => plan.run({ position }));
      const logits = await gpu.read(plan.outputs);
      texts.forEach((text, b) => {
        const expected = logitsTwin(model, text);
        const row = logits.subarray(b * dVocab, (b + 1) * dVocab);
        expectClose(row, expected, modelLogits(standardDeviation(expected)), `row ${b} at ${position}`);
        expect(argmax(row)).toBe(argmax(expected));
        text.push(argmax(row));
      });
    }
    plan.dispose();
  });
});
