/** The benchmark on whatever WebGPU is at hand: the same in a page and in Node. */
import { Gpu } from "../gpu/gpu.ts";
import { engineFacts } from "./facts.ts";
import { measureMatmul } from "./matmul_measure.ts";
import { modelSuite, type Repeats } from "./model_suite.ts";
import { openOurs } from "./ours.ts";
import { profileSuite } from "./profile.ts";
import { prefillLength, referenceConfig, referenceIds, referenceWeights } from "./reference.ts";
import type { Row } from "./rows.ts";

export interface BenchRequest {
  readonly suites: readonly ("matmul" | "model" | "facts" | "profile")[];
  readonly repeats: Repeats & { readonly matmul: number };
  /** Whether the peer runs beside us. */
  readonly withPeer: boolean;
}

export interface BenchResult {
  readonly adapter: { readonly vendor: string; readonly architecture: string; readonly description: string };
  readonly rows: readonly Row[];
  /** What could not be measured, and why. */
  readonly remarks: readonly string[];
}

export async function runBench(
  provider: GPU,
  request: BenchRequest,
  say: (text: string) => void,
): Promise<BenchResult> {
  const gpu = await Gpu.open(provider);
  const { vendor, architecture, description } = gpu.adapter;
  const rows: Row[] = [];
  const remarks: string[] = [];
  if (request.suites.includes("facts")) rows.push(...(await engineFacts(gpu)));
  if (request.suites.includes("model")) {
    const config = referenceConfig;
    const weights = referenceWeights(config);
    const prompt = referenceIds(prefillLength, config.dVocab, "prompt");
    const contenders = [await openOurs(gpu, config, weights, prompt)];
    if (request.withPeer) {
      try {
        const { openJax } = await import("./peer_jax.ts");
        const peer = await openJax(config, weights, prompt);
        if (peer) contenders.push(peer);
        else remarks.push("jax-js finds no WebGPU here");
      } catch (error) {
        remarks.push(`jax-js does not start here: ${String(error)}`);
      }
    }
    rows.push(...(await modelSuite(contenders, config.dVocab, request.repeats, say)));
    for (const contender of contenders) contender.dispose();
  }
  if (request.suites.includes("matmul") && request.withPeer) {
    const measured = await measureMatmul(provider, {
      sizes: [512, 1024],
      naiveUpTo: 512,
      nRepeats: request.repeats.matmul,
    });
    rows.push(...measured.rows.map((row) => ({ suite: "matmul", ...row })));
  }
  if (request.suites.includes("profile")) rows.push(...(await profileSuite(gpu, say)));
  gpu.destroy();
  return { adapter: { vendor, architecture, description }, rows, remarks };
}
