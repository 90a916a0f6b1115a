/** Where the time goes: every dispatch of the three paths made by itself, with the device idle in between. */
import type { Gpu } from "../gpu/gpu.ts";
import { recordDecodeStep } from "../lm/decode_step.ts";
import { allocateCache, freeCache } from "../lm/kv_cache.ts";
import { Trainer } from "../lm/train.ts";
import { modelWith, recordPrefill, trainerOptions } from "./ours.ts";
import {
  learningRate,
  prefillLength,
  referenceBatch,
  referenceConfig,
  referenceIds,
  referenceWeights,
  trainLength,
  trainRows,
} from "./reference.ts";
import { counted, median, type Row } from "./rows.ts";
import { type Taken, taking } from "./watch.ts";

/** Milliseconds of every dispatch (the least disturbed round, the waiting itself subtracted), summed by kernel and grid. */
async function profile(
  gpu: Gpu,
  path: string,
  taken: readonly Taken[],
  rounds: number,
  repeats: number,
  say: (text: string) => void,
): Promise<Row[]> {
  const { device } = gpu;
  const once = async (calls: readonly Taken[]): Promise<number> => {
    const started = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { dispatch } of calls) dispatch(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  // A driver may compile when it first sees a pipeline run.
  for (const call of new Map(taken.map((one) => [one.pipeline, one])).values()) await once([call]);
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) waits.push(await once([]));
  const samples = taken.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, call] of taken.entries()) {
      const again = Array.from({ length: repeats }, () => call);
      samples[i]!.push(Math.max(0, (await once(again)) - median(waits)) / repeats);
    }
  }
  const sums = new Map<string, { ms: number; calls: number }>();
  taken.forEach(({ name, grid }, i) => {
    const key = `${name} ${grid.join("×")}`;
    const sum = sums.get(key) ?? { ms: 0, calls: 0 };
    sums.set(key, { ms: sum.ms + Math.min(...samples[i]!), calls: sum.calls + 1 });
  });
  const total = [...sums.values()].reduce((sum, { ms }) => sum + ms, 0);
  const top = [...sums].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 16);
  say(
    `${path}: ${total.toFixed(1)} ms in ${taken.length} dispatches (a wait alone: ${median(waits).toFixed(2)} ms)`,
  );
  for (const [key, { ms, calls }] of top) {
    say(
      `  ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${ms.toFixed(2).padStart(9)} ms  ${String(calls).padStart(3)} × ${key}`,
    );
  }
  return [
    counted("profile", `${path}, sum of dispatches`, "ms", total),
    ...top.map(([key, { ms, calls }]) => counted("profile", `${path}, ${calls} × ${key}`, "ms", ms)),
  ];
}

export async function profileSuite(gpu: Gpu, say: (text: string) => void): Promise<Row[]> {
  const config = referenceConfig;
  const model = modelWith(gpu, config, referenceWeights(config));
  const prefill = await recordPrefill(model, referenceIds(prefillLength, config.dVocab));
  const cache = allocateCache(gpu, config, 1, 65);
  const ids = gpu.zeros([1], "u32", "id");
  const decode = await gpu.record("decode step", (r) =>
    recordDecodeStep(r, model, ids, cache, r.dynamic("position")),
  );
  const trainer = new Trainer(model, trainerOptions);
  const batch = referenceBatch(trainRows, trainLength, config.dVocab);
  const run = (
    path: string,
    rounds: number,
    repeats: number,
    work: () => void | Promise<void>,
  ): Promise<Row[]> => taking(gpu, work).then((taken) => profile(gpu, path, taken, rounds, repeats, say));
  const rows = [
    ...(await run("decode step", 5, 4, () => decode.run({ position: 48 }))),
    ...(await run("prefill", 3, 1, () => prefill.plan.run())),
    ...(await run("training step", 3, 1, () => trainer.step([batch], learningRate))),
  ];
  trainer.dispose();
  decode.dispose();
  prefill.dispose();
  freeCache(gpu, cache);
  gpu.free(ids);
  model.dispose();
  return rows;
}
