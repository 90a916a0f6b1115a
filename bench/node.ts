/** The benchmark in Node, on Dawn: `tools/bench.mjs` bundles it and calls `run`. */
import { create, globals } from "webgpu";
import { type BenchRequest, type BenchResult, runBench } from "./run.ts";

/** Dawn crashes when its instance is collected while devices live, so it is held. */
const held: GPU[] = [];

/** Iterator helpers, which the peer needs and Node has from 22 on. */
function addIteratorHelpers(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
  for (const name of ["map", "filter"] as const) {
    if (name in prototype) continue;
    const value = function (this: Iterable<unknown>, f: (item: unknown) => unknown) {
      return [...this][name]((item) => f(item)).values();
    };
    Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
  }
}

export function run(request: BenchRequest, say: (text: string) => void): Promise<BenchResult> {
  Object.assign(globalThis, globals);
  const provider = create([]);
  held.push(provider);
  addIteratorHelpers();
  // The peer looks for the adapter where a browser has it.
  const navigator = { gpu: provider, userAgent: "Node", hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: navigator });
  return runBench(provider, request, say);
}
