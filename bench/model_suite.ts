/** One model, two engines, in turns: first that both compute the same, then how long each takes. */
import { expectClose, lossCurve, modelLogits } from "../lib/testing/close.ts";
import { standardDeviation } from "../lib/testing/statistics.ts";
import type { Contender } from "./contender.ts";
import {
  decodePrompt,
  decodeSteps,
  prefillLength,
  referenceBatch,
  referenceIds,
  trainLength,
  trainRows,
} from "./reference.ts";
import { counted, interleaved, type Row, sampled } from "./rows.ts";

export interface Repeats {
  readonly prefill: number;
  readonly decode: number;
  readonly train: number;
}

const suite = "model";

/** Rows of all paths. `others` may be empty: then ours alone is timed. Throws where the engines disagree. */
export async function modelSuite(
  contenders: readonly Contender[],
  dVocab: number,
  repeats: Repeats,
  say: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const timed = async (
    path: keyof Repeats,
    work: string,
    tokens: number,
    run: (c: Contender) => Promise<number>,
  ): Promise<void> => {
    const before = rows.length;
    const samples = await interleaved(
      repeats[path],
      contenders.map((c) => () => run(c)),
    );
    contenders.forEach(({ name }, i) => {
      rows.push(sampled(suite, `${work}, ${name}`, "ms", samples[i]!));
      rows.push(
        sampled(
          suite,
          `${work}, ${name}, rate`,
          "tokens/s",
          samples[i]!.map((ms) => (1000 * tokens) / ms),
        ),
      );
    });
    contenders.slice(1).forEach(({ name }, i) => {
      const ratios = samples[0]!.map((ours, k) => samples[i + 1]![k]! / ours);
      rows.push(sampled(suite, `${work}, ${name} / ${contenders[0]!.name}`, "×", ratios));
    });
    for (const row of rows.slice(before)) say(`${row.name}: ${row.value.toFixed(2)} ${row.unit}`);
  };

  // Every contender once, apart from the samples: compiles, allocates, and gives results to compare.
  const warm = async <T>(path: string, run: (c: Contender) => Promise<T>): Promise<T[]> => {
    const results: T[] = [];
    for (const contender of contenders) {
      const started = performance.now();
      results.push(await run(contender));
      const row = counted(
        suite,
        `${path}, first run with compiling, ${contender.name}`,
        "ms",
        performance.now() - started,
      );
      rows.push(row);
      say(`${row.name}: ${row.value.toFixed(0)} ms`);
    }
    return results;
  };

  if (repeats.prefill > 0) {
    const logits = await warm("prefill", (c) => c.prefill());
    for (const other of logits.slice(1))
      expectClose(logits[0]!, other, modelLogits(standardDeviation(other)), "logits");
    await timed("prefill", `prefill of ${prefillLength}`, prefillLength, (c) =>
      millisecondsOf(() => c.prefill()),
    );
  }
  if (repeats.decode > 0) {
    const prompt = referenceIds(decodePrompt, dVocab, "short prompt");
    const decoded = await warm("decode", (c) => c.decode(prompt, decodeSteps));
    for (const { ids } of decoded.slice(1)) expectClose(decoded[0]!.ids, ids, 0, "greedy ids");
    const work = `decode of ${decodeSteps} after ${decodePrompt}`;
    await timed("decode", work, decodeSteps, async (c) => (await c.decode(prompt, decodeSteps)).ms);
  }
  if (repeats.train > 0) {
    const batch = referenceBatch(trainRows, trainLength, dVocab);
    const losses = new Map(contenders.map((c): [Contender, number[]] => [c, []]));
    const step = async (c: Contender): Promise<void> => void losses.get(c)!.push(await c.trainStep(batch));
    await warm("training step", step);
    const work = `training step of ${trainRows} × ${trainLength}`;
    await timed("train", work, trainRows * trainLength, (c) => millisecondsOf(() => step(c)));
    const [ours, ...others] = contenders.map((c) => losses.get(c)!);
    for (const other of others) expectClose(ours!, other, lossCurve(other), "losses");
    say(`losses ${ours!.map((x) => x.toFixed(4)).join(" ")}`);
  }
  return rows;
}

async function millisecondsOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
