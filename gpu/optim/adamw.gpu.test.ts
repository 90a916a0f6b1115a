import { describe, expect, test } from "vitest";
import { expectClose, exact, gamma, lossCurve, printed, TINY, U } from "../../lib/testing/close.ts";
import { crossEntropy, nllBackwardTwin, nllTwin } from "../ops/cross_entropy.ts";
import { embedding, embeddingTwin, scatterRowsTwin } from "../ops/embedding.ts";
import { dot, floats } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { AdamW, adamwTwin, type AdamWTwinState } from "./adamw.ts";
import { clipFactorTwin, gradientNormTwin } from "./gradient_norm.ts";
import { Sgd } from "./sgd.ts";

const shapes = [[7], [5, 13], [64, 3], [1], [257], [9], [33, 2], [30000]] as const;
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Products and a sum for m (which may cancel), positive terms for v, then root, division and products. */
function stepBound(
  before: AdamWTwinState,
  after: AdamWTwinState,
  g: ArrayLike<number>,
  o: typeof options,
  t: number,
) {
  return (i: number): number => {
    const terms = Math.abs(o.betas[0] * before.m[i]!) + Math.abs((1 - o.betas[0]) * g[i]!);
    const denominator = Math.sqrt(after.v[i]! / (1 - o.betas[1] ** t)) + o.eps;
    const update = o.lr * (terms / (1 - o.betas[0] ** t) / denominator + o.decay * Math.abs(before.p[i]!));
    return gamma(32) * update + 2 * U * Math.abs(before.p[i]!) + TINY;
  };
}
const options = { lr: 0.01, betas: [0.9, 0.999] as [number, number], eps: 1e-8, decay: 0.1 };

describe("AdamW", () => {
  test("thirteen steps over eight tensors: each from the GPU's own state, against the twin", async () => {
    const gpu = await testGpu();
    const params = shapes.map((shape, i) => gpu.upload(floats(size(shape), i), shape, `p${i}`));
    const optimizer = new AdamW(gpu, params, { ...options, weightDecay: options.decay });
    const grads = shapes.map((shape, i) => gpu.zeros(shape, "f32", `g${i}`));
    const plan = await gpu.record("step", (r) =>
      optimizer.recordStep(r, grads, { lr: r.dynamic("lr"), maxNorm: 1 }),
    );
    const readAll = async (): Promise<AdamWTwinState[]> =>
      Promise.all(
        params.map(async (p, i) => {
          const [a, b, c] = await Promise.all(
            [p, optimizer.state()[i]!.m, optimizer.state()[i]!.v].map((x) => gpu.read(x)),
          );
          return { p: Float64Array.from(a!), m: Float64Array.from(b!), v: Float64Array.from(c!) };
        }),
      );
    for (let t = 1; t <= 13; t++) {
      const values = shapes.map((shape, i) =>
        floats(size(shape), 100 * t + i).map((x) => x * 10 ** (t % 3 === 0 ? -4 : 0)),
      );
      values.forEach((g, i) => gpu.write(grads[i]!, g));
      const before = await readAll();
      plan.run({ lr: options.lr });
      const after = await readAll();
      const norm = gradientNormTwin(values);
      const clip = clipFactorTwin(norm, 1);
      const report = await optimizer.report();
      expect(report.nSteps).toBe(t);
      expectClose(report.gradientNorm!, norm, gamma(1000) * norm, "norm");
      expectClose(report.clip, clip, gamma(1000) * clip, "clip");
      const seen = values.map((g) => Float64Array.from(g, (x) => report.clip * x));
      before.forEach((b, i) => {
        const o = { ...options, decay: shapes[i]!.length > 1 ? options.decay : 0 };
        const twin = { p: b.p.slice(), m: b.m.slice(), v: b.v.slice() };
        adamwTwin(twin, values[i]!, o, t, report.clip);
        const { m, v } = b;
        expectClose(
          after[i]!.m,
          twin.m,
          (k) => gamma(4) * (Math.abs(m[k]!) + Math.abs(seen[i]![k]!)) + TINY,
          `m${i}`,
        );
        expectClose(after[i]!.v, twin.v, (k) => gamma(6) * (v[k]! + seen[i]![k]! ** 2) + TINY, `v${i}`);
        expectClose(after[i]!.p, twin.p, stepBound(b, twin, seen[i]!, o, t), `p${i}`);
      });
    }
    plan.dispose();
    optimizer.dispose();
    gpu.free(...params, ...grads);
  });

  test("worked example: two steps, and not the version with the decay in the gradient", async () => {
    const gpu = await testGpu();
    const o = { lr: 0.1, betas: [0.9, 0.999] as [number, number], eps: 1e-8, decay: 0.01 };
    const twin = { p: Float64Array.of(1), m: new Float64Array(1), v: new Float64Array(1) };
    const p = gpu.upload(Float32Array.of(1), [1, 1], "p");
    const g = gpu.zeros([1, 1], "f32", "g");
    const optimizer = new AdamW(gpu, [p], { ...o, weightDecay: o.decay });
    const plan = await gpu.record("step", (r) => optimizer.recordStep(r, [g], { lr: o.lr }));
    const wanted = [
      [0.1, 0.89900001],
      [-0.2, 0.93471136],
    ] as const;
    for (const [k, [grad, theta]] of wanted.entries()) {
      const before = { p: twin.p.slice(), m: twin.m.slice(), v: twin.v.slice() };
      adamwTwin(twin, [grad], o, k + 1, 1);
      expectClose(twin.p, [theta], printed(8));
      gpu.write(g, Float32Array.of(grad));
      plan.run();
      expectClose(await gpu.read(p), twin.p, (i) => (k + 1) * stepBound(before, twin, [grad], o, k + 1)(i));
    }
    expectClose(twin.m, [-0.011], printed(8));
    expectClose(twin.v, [4.999e-5], printed(9));
    plan.dispose();
    optimizer.dispose();
    gpu.free(p, g);
  });

  test.each([
    ["NaN", 0x7fc00000],
    ["NaN with its sign set", 0xffc12345],
    ["Infinity", 0x7f800000],
    ["minus Infinity", 0xff800000],
    ["1e30, whose square overflows", 0x7149f2ca],
  ])("a gradient with %s skips the step everywhere, and the step count stays", async (_, bits) => {
    const gpu = await testGpu();
    const params = [5, 9].map((n, i) => gpu.upload(floats(n, i), [n], `p${i}`));
    const grads = [5, 9].map((n, i) => gpu.upload(floats(n, i + 10), [n], `g${i}`));
    const optimizer = new AdamW(gpu, params, options);
    const plan = await gpu.record("step", (r) => optimizer.recordStep(r, grads, { lr: 0.1, maxNorm: 1 }));
    const all = [...params, ...optimizer.state().flatMap(({ m, v }) => [m, v])];
    const readAll = () => Promise.all(all.map((x) => gpu.read(x)));
    plan.run();
    const first = await readAll();
    gpu.write(grads[1]!, new Uint32Array(1).fill(bits), 4);
    plan.run();
    (await readAll()).forEach((now, i) => expectClose(now, first[i]!, exact));
    expect(await optimizer.report()).toEqual({ nSteps: 1, gradientNorm: null, clip: 0 });
    gpu.write(grads[1]!, floats(9, 11));
    plan.run();
    expect((await optimizer.report()).nSteps).toBe(2);
    expect((await readAll())[0]).not.toEqual(first[0]);
    plan.dispose();
    optimizer.dispose();
    gpu.free(...params, ...grads);
  });

  test("no learning rate, no change, bit for bit", async () => {
    const gpu = await testGpu();
    const values = floats(40, 1);
    const [p, g] = [gpu.upload(values, [8, 5], "p"), gpu.upload(floats(40, 2), [8, 5], "g")];
    const optimizer = new AdamW(gpu, [p], { weightDecay: 0.1 });
    const plan = await gpu.record("step", (r) => optimizer.recordStep(r, [g], { lr: 0 }));
    plan.run();
    expectClose(await gpu.read(p), values, exact);
    plan.dispose();
    optimizer.dispose();
    gpu.free(p, g);
  });

  test("restored moments and step count go on with the same bits", async () => {
    const gpu = await testGpu();
    const [p, q, g] = ["p", "q", "g"].map((name, i) => gpu.upload(floats(70, i % 2), [70], name));
    const [a, b] = [new AdamW(gpu, [p!], options), new AdamW(gpu, [q!], options)];
    const record = (optimizer: AdamW) =>
      gpu.record("step", (r) => optimizer.recordStep(r, [g!], { lr: 0.01 }));
    const [planA, planB] = [await record(a), await record(b)];
    for (let t = 0; t < 3; t++) planA.run();
    for (const [from, to] of [
      [p!, q!],
      [a.state()[0]!.m, b.state()[0]!.m],
      [a.state()[0]!.v, b.state()[0]!.v],
    ] as const) {
      gpu.write(to, await gpu.read(from));
    }
    b.setSteps((await a.report()).nSteps);
    planA.run();
    planB.run();
    expectClose(await gpu.read(q!), await gpu.read(p!), exact);
    expect((await b.report()).nSteps).toBe(4);
    planA.dispose();
    planB.dispose();
    a.dispose();
    b.dispose();
    gpu.free(p!, q!, g!);
  });

  test("forward, backward, clipping and update in one plan follow the twin's loss curve", async () => {
    const gpu = await testGpu();
    const dVocab = 11;
    const ids = Uint32Array.from({ length: 40 }, (_, i) => (i * i + 3 * i) % dVocab);
    const [from, to] = [ids.slice(0, -1), ids.slice(1)];
    const weights = new Float32Array(from.length).fill(1 / from.length);
    const start = floats(dVocab * dVocab, 5).map((x) => x / 8);
    const table = gpu.upload(start, [dVocab, dVocab], "table");
    const inputs = [
      gpu.upload(from, [39], "from"),
      gpu.upload(to, [39], "to"),
      gpu.upload(weights, [39], "weights"),
    ];
    const optimizer = new AdamW(gpu, [table], options);
    const plan = await gpu.record("train", (r) => {
      r.track(table);
      const { loss } = crossEntropy(r, embedding(r, table, inputs[0]!), inputs[1]!, inputs[2]!);
      optimizer.recordStep(r, r.gradients(loss, [table]), {
        lr: r.dynamic("lr"),
        maxNorm: r.dynamic("maxNorm"),
      });
      return r.keep(loss);
    });
    const twin = {
      p: Float64Array.from(start),
      m: new Float64Array(start.length),
      v: new Float64Array(start.length),
    };
    const [losses, expected]: [number[], number[]] = [[], []];
    for (let t = 1; t <= 20; t++) {
      const lr = 0.2 * Math.min(1, t / 5);
      plan.run({ lr, maxNorm: 0.1 });
      losses.push((await gpu.read(plan.outputs))[0]!);
      const logits = embeddingTwin(twin.p, from, dVocab);
      expected.push(dot(weights, nllTwin(logits, to, weights, dVocab)));
      const grad = scatterRowsTwin(
        nllBackwardTwin(logits, to, weights, weights, dVocab),
        from,
        dVocab,
        dVocab,
      );
      adamwTwin(twin, grad, { ...options, lr, decay: 0 }, t, clipFactorTwin(gradientNormTwin([grad]), 0.1));
    }
    expectClose(losses, expected, lossCurve(expected));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    plan.dispose();
    optimizer.dispose();
    gpu.free(table, ...inputs);
  });

  test("refuses too few gradients, a gradient of another shape and a beta of one", async () => {
    const gpu = await testGpu();
    const [p, g] = [gpu.upload(floats(4, 1), [2, 2], "p"), gpu.upload(floats(4, 2), [4], "g")];
    const optimizer = new AdamW(gpu, [p]);
    const step = (grads: (typeof p)[]) =>
      refusal(gpu, (r) => (optimizer.recordStep(r, grads, { lr: 1 }), []));
    expect((await step([])).message).toBe("AdamW: 0 gradients, expected 1, one per parameter");
    expect((await step([g])).message).toBe("AdamW: gradient 0 (of p) is [4], expected [2,2]");
    expect(() => new AdamW(gpu, [p], { betas: [0.9, 1] })).toThrow(/betas 0.9, 1, .*expected 0 < beta < 1/);
    optimizer.dispose();
    gpu.free(p, g);
  });
});

describe("Sgd", () => {
  test("clipping, worked example: g = 3 4, c = 1 gives 0.6 0.8", async () => {
    const gpu = await testGpu();
    const [p, g] = [gpu.upload(new Float32Array(2), [2], "p"), gpu.upload(Float32Array.of(3, 4), [2], "g")];
    const sgd = new Sgd(gpu, [p]);
    const plan = await gpu.record("step", (r) => sgd.recordStep(r, [g], { lr: 1, maxNorm: 1 }));
    plan.run();
    expectClose(await gpu.read(p), [-0.6, -0.8], printed(6));
    expectClose((await sgd.report()).gradientNorm!, 5, 8 * U * 5);
    plan.dispose();
    sgd.dispose();
    gpu.free(p, g);
  });

  test("small integers exactly: no clipping, decay on matrices only", async () => {
    const gpu = await testGpu();
    const params = [
      gpu.upload(Float32Array.of(1, 2, 3, 4), [2, 2], "w"),
      gpu.upload(Float32Array.of(5, 6), [2], "b"),
    ];
    const grads = [
      gpu.upload(Float32Array.of(4, 3, 2, 1), [2, 2], "dw"),
      gpu.upload(Float32Array.of(7, 8), [2], "db"),
    ];
    const sgd = new Sgd(gpu, params, { weightDecay: 2 });
    const plan = await gpu.record("step", (r) => sgd.recordStep(r, grads, { lr: 1 }));
    plan.run();
    expectClose(await gpu.read(params[0]!), [-5, -5, -5, -5], exact);
    expectClose(await gpu.read(params[1]!), [-2, -2], exact);
    plan.dispose();
    sgd.dispose();
    gpu.free(...params, ...grads);
  });
});
