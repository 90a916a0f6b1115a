import { describe, expect, test } from "vitest";
import { uniformAt } from "../../lib/random.ts";
import { builtin, exact, expectClose, gamma, sampleMean, U } from "../../lib/testing/close.ts";
import { floats } from "../testing/inputs.ts";
import { refusal, testGpu } from "../testing/node_gpu.ts";
import { runOp } from "../testing/run_op.ts";
import { rowLse } from "./cross_entropy.ts";
import { sample, sampleProbabilities, type SampleSettings, sampleTwin } from "./sample.ts";

const plain: SampleSettings = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const logs = (...p: number[]): Float32Array<ArrayBuffer> => Float32Array.from(p, Math.log);
const repeat = (row: Float32Array, n: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: n * row.length }, (_, i) => row[i % row.length]!);

async function draw(
  logits: Float32Array,
  dVocab: number,
  settings: SampleSettings,
  at: { seed: number; step: number },
): Promise<{ ids: Float32Array; logprobs: Float32Array }> {
  const shape = [logits.length / dVocab, dVocab];
  const [ids, logprobs] = await runOp(await testGpu(), [{ data: logits, shape }], (r, z) => {
    const out = sample(r, z!, { ...settings, ...at });
    return [out.ids, out.logprobs];
  });
  return { ids: ids!, logprobs: logprobs! };
}

/** Each id is kept, and u lies in its part of the unit interval but for the rounding of the sums of masses. */
function expectDraws(
  ids: Float32Array,
  logits: Float32Array,
  dVocab: number,
  settings: SampleSettings,
  at: { seed: number; step: number },
) {
  const slack = 4 * gamma(Math.ceil(dVocab / 64) + 32);
  ids.forEach((id, row) => {
    const p = sampleProbabilities(logits.subarray(row * dVocab, (row + 1) * dVocab), settings);
    expect(p[id], `row ${row}: token ${id} was filtered out`).toBeGreaterThan(0);
    const before = p.subarray(0, id).reduce((a, b) => a + b, 0);
    const u = uniformAt(at.seed, row, at.step);
    expectClose(u, before + p[id]! / 2, p[id]! / 2 + slack, `u of row ${row}`);
  });
}

/** [what, logits, settings, ids that may be drawn] */
const edges: readonly (readonly [
  string,
  Float32Array<ArrayBuffer>,
  Partial<SampleSettings>,
  readonly number[],
])[] = [
  ["no filter", logs(0.4, 0.3, 0.15, 0.1, 0.05), {}, [0, 1, 2, 3, 4]],
  ["top-k", logs(0.1, 0.3, 0.15, 0.4, 0.05), { topK: 2 }, [1, 3]],
  ["top-k of one", logs(0.1, 0.3, 0.15, 0.4, 0.05), { topK: 1 }, [3]],
  ["top-k as large as the row", logs(0.1, 0.3, 0.6), { topK: 3 }, [0, 1, 2]],
  ["top-k larger than the row", logs(0.1, 0.3, 0.6), { topK: 9 }, [0, 1, 2]],
  ["top-k with ties at the edge", Float32Array.of(1, 2, 2, 0, 2, 2), { topK: 2 }, [1, 2]],
  ["top-k with ties under larger ones", Float32Array.of(1, 3, 1, 2, 1, 1), { topK: 4 }, [0, 1, 2, 3]],
  ["top-k with ties of -0 and 0", Float32Array.of(-1, -0, 0, 0, -0), { topK: 3 }, [1, 2, 3]],
  ["top-p reached exactly by half of equals", new Float32Array(8).fill(3), { topP: 0.5 }, [0, 1, 2, 3]],
  ["top-p just missed by half of equals", new Float32Array(8).fill(3), { topP: 0.5001 }, [0, 1, 2, 3, 4]],
  ["top-p of nothing keeps one", logs(0.2, 0.5, 0.3), { topP: 0 }, [1]],
  ["top-p above the largest", logs(0.2, 0.5, 0.3), { topP: 0.51 }, [1, 2]],
  ["top-p below the largest", logs(0.2, 0.5, 0.3), { topP: 0.49 }, [1]],
  ["top-p near one", logs(0.2, 0.5, 0.3), { topP: 0.999 }, [0, 1, 2]],
  ["min-p above and below", logs(0.4, 0.21, 0.19, 0.2), { minP: 0.49 }, [0, 1, 3]],
  ["min-p of one keeps the equals of the best", Float32Array.of(2, 5, 5, 1), { minP: 1 }, [1, 2]],
  ["top-p counts what top-k left", logs(0.4, 0.3, 0.15, 0.15), { topK: 2, topP: 0.56 }, [0]],
  ["top-p within the ties that top-k kept", new Float32Array(8).fill(-1), { topK: 4, topP: 0.5 }, [0, 1]],
  ["min-p after both", logs(0.4, 0.3, 0.15, 0.1, 0.05), { topK: 4, topP: 0.9, minP: 0.5 }, [0, 1]],
  ["top-p at temperature 1", logs(0.64, 0.16, 0.16, 0.04), { topP: 0.6 }, [0]],
  ["top-p at temperature 2", logs(0.64, 0.16, 0.16, 0.04), { temperature: 2, topP: 0.6 }, [0, 1]],
  ["min-p at temperature 2", logs(0.64, 0.16, 0.16, 0.04), { temperature: 2, minP: 0.4 }, [0, 1, 2]],
  ["huge logits", Float32Array.of(-1e4, 1e4, 1e4, -1e4), {}, [1, 2]],
  ["a tiny temperature", Float32Array.of(1, 1.001, 1e4, 1e4), { temperature: 1e-30 }, [2, 3]],
  ["greedy, ties to the lowest id", Float32Array.of(1, 7, 3, 7), { temperature: 0, topK: 3, topP: 0.1 }, [1]],
  ["greedy, -0 equals 0", Float32Array.of(-2, -0, 0), { temperature: 0 }, [1]],
  ["one token", Float32Array.of(-5), { topK: 1, topP: 0.5, minP: 0.5 }, [0]],
];

describe("sample", () => {
  test.each(edges)("%s", async (_, row, some, allowed) => {
    const [settings, at, n] = [{ ...plain, ...some }, { seed: 5, step: 2 }, 500];
    const logits = repeat(row, n);
    const { ids } = await draw(logits, row.length, settings, at);
    expect([...new Set(ids)].sort((a, b) => a - b)).toEqual(allowed);
    expectDraws(ids, logits, row.length, settings, at);
  });

  test.each([1, 2, 63, 65, 257, 2049, 150001])(
    "a row of %i logits, all filters on, is the twin's choice",
    async (dVocab) => {
      const logits = floats(3 * dVocab, dVocab);
      logits.set([9, 8, 8].slice(0, dVocab), 0);
      for (const some of [
        {},
        { topK: 50, topP: 0.9, minP: 0.02 },
        { topP: 0.7, temperature: 0.3 },
        { temperature: 0 },
      ]) {
        const [settings, at] = [
          { ...plain, ...some },
          { seed: 7, step: dVocab },
        ];
        const { ids } = await draw(logits, dVocab, settings, at);
        expectDraws(ids, logits, dVocab, settings, at);
      }
    },
  );

  test("the frequencies are the probabilities, and the draws the twin's", async () => {
    const [n, at, settings] = [10000, { seed: 11, step: 4 }, { ...plain, temperature: 0.8, topK: 4 }];
    const row = logs(0.05, 0.3, 0.15, 0.4, 0.1);
    const p = sampleProbabilities(row, settings);
    const { ids } = await draw(repeat(row, n), 5, settings, at);
    const counts = new Float64Array(5);
    for (const id of ids) counts[id]! += 1 / n;
    expectClose(counts, p, (i) => sampleMean(Math.sqrt(p[i]! * (1 - p[i]!)), n));
    expectDraws(ids.subarray(0, 2000), repeat(row, 2000), 5, settings, at);
    expect(sampleTwin(row, settings, { seed: 11, row: 0, step: 4 })).toBe(ids[0]);
  });

  test("66,000 rows: each its own greedy token", async () => {
    const logits = floats(66000 * 2, 9);
    const { ids } = await draw(logits, 2, { ...plain, temperature: 0 }, { seed: 0, step: 0 });
    expectClose(
      ids,
      Float64Array.from(ids, (_, n) => (logits[2 * n + 1]! > logits[2 * n]! ? 1 : 0)),
      exact,
    );
  });

  test("the log-probability is that of the unfiltered softmax at temperature 1", async () => {
    const logits = floats(40 * 37, 3);
    for (const temperature of [0, 2]) {
      const { ids, logprobs } = await draw(
        logits,
        37,
        { ...plain, temperature, topK: 5 },
        { seed: 1, step: 1 },
      );
      const expected = Float64Array.from(ids, (id, n) => logits[n * 37 + id]! - rowLse(logits, n, 37));
      const largest = logits.reduce((m, z) => Math.max(m, Math.abs(z)), 0);
      expectClose(
        logprobs,
        expected,
        8 * gamma(16) + builtin.log(1, 0) + 6 * U * (2 * largest + Math.log(37)),
      );
    }
  });

  test("settings, seed and step may change between runs of one plan; ids land where the next step reads them", async () => {
    const gpu = await testGpu();
    const row = logs(0.4, 0.3, 0.2, 0.1);
    const z = gpu.upload(repeat(row, 64), [64, 4], "z");
    const ids = gpu.upload(new Uint32Array(64).fill(9), [64], "ids");
    const plan = await gpu.record("sample", (r) => {
      const settings = { temperature: r.dynamic("temperature"), topK: r.dynamic("topK"), topP: 1, minP: 0 };
      return r.keep(
        sample(r, z, { ...settings, seed: r.dynamic("seed"), step: r.dynamic("step"), into: { ids } }).ids,
      );
    });
    const run = async (temperature: number, topK: number, seed: number, step: number) => {
      plan.run({ temperature, topK, seed, step });
      const got = await gpu.read(ids);
      expectDraws(got, repeat(row, 64), 4, { ...plain, temperature, topK }, { seed, step });
      return got;
    };
    const first = await run(1, 0, 1, 0);
    expectClose(await run(1, 0, 1, 0), first, exact);
    expect(await run(1, 0, 1, 1)).not.toEqual(first);
    expect(await run(1, 0, 2, 0)).not.toEqual(first);
    await run(0.5, 2, 4294967295, 3);
    await run(0, 0, 1, 0);
    plan.dispose();
    gpu.free(z, ids);
  });

  test("refuses settings out of range, and ids of another length", async () => {
    const gpu = await testGpu();
    const [z, ids] = [gpu.upload(floats(8, 1), [2, 4], "z"), gpu.upload(new Uint32Array(3), [3], "ids")];
    const at = { seed: 0, step: 0 };
    const refused = async (some: Partial<SampleSettings>) =>
      (await refusal(gpu, (r) => [sample(r, z, { ...plain, ...some, ...at }).ids])).message;
    expect(await refused({ temperature: -1 })).toBe(
      "sample: temperature is -1, expected a number of at least 0",
    );
    expect(await refused({ topK: 1.5 })).toBe(
      "sample: topK is 1.5, expected a whole number of at least 0 (0 is off)",
    );
    expect(await refused({ topP: NaN })).toBe(
      "sample: topP is NaN, expected a number from 0 to 1 (1 is off)",
    );
    expect(await refused({ minP: 2 })).toBe("sample: minP is 2, expected a number from 0 to 1 (0 is off)");
    const error = await refusal(gpu, (r) => [sample(r, z, { ...plain, ...at, into: { ids } }).ids]);
    expect(error.message).toBe("sample: ids is [3], expected [2]");
    gpu.free(z, ids);
  });
});
