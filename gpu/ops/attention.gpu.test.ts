import { describe, expect, test } from "vitest";
import { builtin, expectClose, exact, float64, gradientTwin, printed } from "../../lib/testing/close.ts";
import { dot, floats, integers, numericGradient } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { attention, type AttentionOptions } from "./attention.ts";
import { attentionBounds, attentionGradientBounds } from "./attention.bounds.ts";
import type { AttentionKernels } from "./attention_kernels.ts";
import { fusedWidth, kvHeadOf } from "./attention_layout.ts";
import { attentionBackwardTwin, attentionTwin } from "./attention_twin.ts";

const size = (batch: number, nHead: number, nKvHead: number, seqLen: number, dHead: number) => ({ batch, nHead, nKvHead, seqLen, dHead });
const title = (s: ReturnType<typeof size>) => `B ${s.batch}, H ${s.nHead}, K ${s.nKvHead}, T ${s.seqLen}, D ${s.dHead}`;

/** The kernels over tiles compile once per head width, which software adapters do slowly: few widths for them. */
const sizes: readonly (readonly [AttentionKernels, ReturnType<typeof size>])[] = [
  ["rows", size(1, 1, 1, 1, 4)],
  ["rows", size(2, 4, 2, 7, 8)],
  ["rows", size(1, 6, 2, 33, 20)],
  ["rows", size(1, 3, 1, 64, 40)],
  ["rows", size(2, 2, 2, 31, 64)],
  ["rows", size(1, 3, 3, 13, 80)],
  ["rows", size(1, 2, 1, 65, 96)],
  ["rows", size(1, 1, 1, 37, 128)],
  ["rows", size(3, 2, 1, 130, 12)],
  ["rows", size(1, 1, 1, 512, 8)],
  ["tiles", size(1, 1, 1, 1, 20)],
  ["tiles", size(2, 6, 2, 33, 20)],
  ["tiles", size(1, 2, 1, 130, 20)],
  ["tiles", size(1, 1, 1, 31, 40)],
  ["tiles", size(2, 4, 2, 65, 40)],
];
const named = sizes.map(([kernels, s]) => [`${kernels}, ${title(s)}`, { ...s, kernels }] as const);

/** Output, and the gradient of the fused rows. */
async function run(qkv: Float32Array<ArrayBuffer>, dOut: Float32Array<ArrayBuffer>, options: AttentionOptions) {
  const gpu = await testGpu();
  const nRows = options.batch * options.seqLen;
  const x = gpu.upload(qkv, [nRows, fusedWidth(options)], "qkv");
  const dy = gpu.upload(dOut, [nRows, options.nHead * options.dHead], "dOut");
  const [out, dqkv] = await evaluate(gpu, (r) => {
    r.track(x);
    const y = attention(r, x, options);
    return [y, ...r.gradientsFrom(y, dy, [x])];
  });
  gpu.free(x, dy);
  return { out: out!, dqkv: dqkv! };
}

const nIn = (o: AttentionOptions) => o.batch * o.seqLen * fusedWidth(o);
const nOut = (o: AttentionOptions) => o.batch * o.seqLen * o.nHead * o.dHead;

/** Mean of the values up to each token, from exact sums of integers. */
function meansSoFar(qkv: Float32Array, shape: AttentionOptions): Float64Array {
  const { batch, nHead, nKvHead, seqLen, dHead } = shape;
  const means = new Float64Array(nOut(shape));
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < nHead * dHead; i++) {
      const h = Math.floor(i / dHead);
      const value = (nHead + nKvHead + kvHeadOf(shape, h)) * dHead + (i % dHead);
      let sum = 0;
      for (let t = 0; t < seqLen; t++) {
        sum += qkv[(b * seqLen + t) * fusedWidth(shape) + value]!;
        means[(b * seqLen + t) * nHead * dHead + i] = sum / (t + 1);
      }
    }
  }
  return means;
}

describe.each(named)("attention, %s", (_, options) => {
  test("floats against the twin, forward and backward", async () => {
    const [qkv, dOut] = [floats(nIn(options), 1), floats(nOut(options), 2)];
    const { out, dqkv } = await run(qkv, dOut, options);
    const bounds = attentionBounds(qkv, options);
    expectClose(out, attentionTwin(qkv, options).out, (i) => bounds.out[i]!, "out");
    const gradient = attentionGradientBounds(qkv, dOut, options);
    expectClose(dqkv, attentionBackwardTwin(qkv, dOut, options).dqkv, (i) => gradient[i]!, "dqkv");
  });

  test("queries of zero average the values seen so far", async () => {
    const qkv = integers(nIn(options), 3);
    const width = fusedWidth(options);
    const keys = options.nHead * options.dHead;
    qkv.forEach((_, i) => {
      if (i % width < keys) qkv[i] = 0;
    });
    const { out } = await run(qkv, floats(nOut(options), 2), options);
    const expected = meansSoFar(qkv, options);
    // exp(0) is 1 on every device known, so that the sums are sums of integers; a division is left.
    expectClose(out, expected, (i) => builtin.divide(expected[i]!), "mean");
  });

  test("sequences and groups of heads in another order give the same bits in that order", async () => {
    const { batch, nHead, nKvHead, seqLen, dHead } = options;
    const [qkv, dOut] = [floats(nIn(options), 4), floats(nOut(options), 5)];
    const swap = <T extends Float32Array>(x: T, counts: readonly number[]): T => {
      const width = counts.reduce((a, b) => a + b, 0) * dHead;
      const y = x.slice() as T;
      for (let row = 0; row < batch * seqLen; row++) {
        const to = ((batch - 1 - Math.floor(row / seqLen)) * seqLen + (row % seqLen)) * width;
        let first = 0;
        for (const n of counts) {
          // Groups of query heads turn round as their kv heads do; within a group the order stays.
          const group = n / nKvHead;
          for (let h = 0; h < n; h++) {
            const target = (nKvHead - 1 - Math.floor(h / group)) * group + (h % group);
            const from = row * width + (first + h) * dHead;
            y.set(x.subarray(from, from + dHead), to + (first + target) * dHead);
          }
          first += n;
        }
      }
      return y;
    };
    const fused = [nHead, nKvHead, nKvHead];
    const straight = await run(qkv, dOut, options);
    const turned = await run(swap(qkv, fused), swap(dOut, [nHead]), options);
    expectClose(turned.out, swap(straight.out, [nHead]), exact, "out");
    expectClose(turned.dqkv, swap(straight.dqkv, fused), exact, "dqkv");
  });
});

describe.each(["rows", "tiles"] as const)("attention over %s", (kernels) => {
  const shape = { ...size(1, 2, 1, 45, 20), kernels };

  test("scores of ±80 against the twin", async () => {
    const qkv = floats(nIn(shape), 6);
    const width = fusedWidth(shape);
    // One direction carries the scores: 80 = q·k/√D with |q| = |k|.
    const strong = Math.sqrt(80 * Math.sqrt(shape.dHead));
    qkv.forEach((x, i) => {
      const column = i % width;
      if (column >= 3 * shape.dHead) return;
      qkv[i] = column % shape.dHead === 0 ? (Math.floor(i / width) % 3 === 0 ? -strong : strong) : Math.fround(x / 64);
    });
    const dOut = floats(nOut(shape), 7);
    const { scores } = attentionTwin(qkv, shape);
    expect(scores.some((s) => s > 79)).toBe(true);
    expect(scores.some((s) => s < -79 && s > -1e29)).toBe(true);
    const { out, dqkv } = await run(qkv, dOut, shape);
    const bounds = attentionBounds(qkv, shape);
    expectClose(out, attentionTwin(qkv, shape).out, (i) => bounds.out[i]!, "out");
    const gradient = attentionGradientBounds(qkv, dOut, shape);
    expectClose(dqkv, attentionBackwardTwin(qkv, dOut, shape).dqkv, (i) => gradient[i]!, "dqkv");
  });

  test("tokens that follow change nothing before them, bit for bit", async () => {
    const width = fusedWidth(shape);
    const qkv = floats(nIn(shape), 8);
    const dOut = floats(nOut(shape), 9);
    const long = await run(qkv, dOut, shape);
    for (const seqLen of [1, 31, 33, 44]) {
      const short = { ...shape, seqLen };
      const { out } = await run(qkv.slice(0, seqLen * width), dOut.slice(0, nOut(short)), short);
      expectClose(out, long.out.subarray(0, nOut(short)), exact, `${seqLen} tokens`);
    }
  });

  test("the same bits at every run, and another scale is obeyed", async () => {
    const [qkv, dOut] = [floats(nIn(shape), 10), floats(nOut(shape), 11)];
    const [a, b] = [await run(qkv, dOut, shape), await run(qkv, dOut, shape)];
    expectClose(a.dqkv, b.dqkv, exact, "dqkv");
    const scaled = { ...shape, scale: 0.5 };
    const bounds = attentionBounds(qkv, scaled);
    expectClose((await run(qkv, dOut, scaled)).out, attentionTwin(qkv, scaled).out, (i) => bounds.out[i]!, "out");
  });
});

describe("attention", () => {
  test("worked numbers: two tokens of width two, in heads of four", async () => {
    const shape = { ...size(1, 1, 1, 2, 4), scale: 1 / Math.SQRT2 };
    const qkv = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 3, 4, 0, 0);
    const dOut = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0);
    const { out, dqkv } = await run(qkv, dOut, shape);
    const [forward, gradient] = [attentionBounds(qkv, shape).out, attentionGradientBounds(qkv, dOut, shape)];
    expectClose(out, [1, 2, 0, 0, 2.339523, 3.339523, 0, 0], (i) => forward[i]! + printed(6), "out");
    const expected = [0, 0, 0, 0, 0, -0.312797, 0, 0, 1, 0.330238, 0, 0, 0, 0.312797, 0, 0, 0, 0.312797, 0, 0, 0, 0.669762, 0, 0];
    expectClose(dqkv, expected, (i) => gradient[i]! + printed(6), "dqkv");
    const twin = attentionTwin(qkv, shape);
    expectClose(twin.lse, [Math.SQRT1_2, 1.10794], () => printed(6), "lse");
    const { delta, dScores } = attentionBackwardTwin(qkv, dOut, shape);
    expectClose(delta, [1, 3.339523], () => printed(6), "delta");
    expectClose(dScores.subarray(2), [-0.442362, 0.442362], () => printed(6), "dScores");
  });

  test("the twin's gradient matches central differences; its rows of P sum to 1, of dS to 0", () => {
    const shape = size(2, 4, 2, 5, 4);
    const qkv = floats(nIn(shape), 12).map((x) => x / 8 + 0.1);
    const dOut = floats(nOut(shape), 13);
    const { dqkv, dScores } = attentionBackwardTwin(qkv, dOut, shape);
    const numeric = numericGradient((at) => dot(attentionTwin(at, shape).out, dOut), qkv);
    expectClose(dqkv, numeric, gradientTwin(dqkv), "dqkv");
    const { pattern } = attentionTwin(qkv, shape);
    const largest = dScores.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    for (let row = 0; row < pattern.length; row += shape.seqLen) {
      const sum = (x: Float64Array) => x.subarray(row, row + shape.seqLen).reduce((a, b) => a + b, 0);
      expectClose(sum(pattern), 1, float64(2 * shape.seqLen, 2), "row of P");
      expectClose(sum(dScores), 0, float64(4 * shape.dHead, shape.seqLen * (largest + 1)), "row of dS");
    }
  });

  test("refuses heads of an odd width, batches that are not there and kv heads that do not divide", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(floats(36, 1), [2, 18], "x");
    const message = async (options: AttentionOptions) => (await refusal(gpu, (r) => [attention(r, x, options)])).message;
    expect(await message(size(1, 1, 1, 2, 6))).toBe("attention: heads are 6 wide; widths up to 128 that are multiples of 4 are supported");
    expect(await message(size(2, 1, 1, 2, 6))).toBe("attention: qkv is [2,18], expected [4,18]");
    expect(await message(size(1, 3, 2, 2, 6))).toBe("attention: 3 query heads are not a multiple of 2 kv heads");
    gpu.free(x);
  });
});
