/** The benchmark in a page: bundled, put into a blank one, and called by `tools/bench.mjs`. */
import { type BenchRequest, type BenchResult, runBench } from "./run.ts";

export const run = (request: BenchRequest): Promise<BenchResult> =>
  runBench(navigator.gpu, request, (text) => console.log(text));
