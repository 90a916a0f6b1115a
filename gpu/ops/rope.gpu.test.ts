import { describe, expect, test } from "vitest";
import { expectClose, exact, gradientTwin, printed } from "../../lib/testing/close.ts";
import { dot, floats, integers, numericGradient } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { ropeBound, ropeBounds, rotatedDotBound } from "./attention.bounds.ts";
import { fusedWidth } from "./attention_layout.ts";
import { rope, ropeFrequencies, ropeTable, ropeTwin } from "./rope.ts";

interface Case {
  readonly nHead: number;
  readonly nKvHead: number;
  readonly dHead: number;
  readonly nHalf: number;
  readonly batch: number;
  readonly seqLen: number;
  readonly position: number;
}
const of = (nHead: number, nKvHead: number, dHead: number, nHalf: number, batch: number, seqLen: number, position: number): Case => ({
  nHead, nKvHead, dHead, nHalf, batch, seqLen, position,
});
const cases: readonly (readonly [string, Case])[] = [
  ["one pair", of(1, 1, 2, 1, 1, 1, 0)],
  ["grouped", of(4, 2, 8, 4, 2, 5, 3)],
  ["partial", of(2, 1, 20, 4, 3, 7, 11)],
  ["prime counts", of(3, 1, 6, 3, 1, 67, 2)],
  ["more than 65,535 rows", of(1, 1, 2, 1, 33001, 2, 1)],
];

describe.each(cases)("rope, %s", (_, c) => {
  const width = fusedWidth(c);
  const nRows = c.batch * c.seqLen;
  const nPositions = c.position + c.seqLen;

  async function run(xs: Float32Array<ArrayBuffer>, table: Float32Array<ArrayBuffer>) {
    const gpu = await testGpu();
    const x = gpu.upload(xs, [nRows, width], "x");
    const t = gpu.upload(table, [nPositions, c.nHalf, 2], "table");
    const [y, dx] = await evaluate(gpu, (r) => {
      r.track(x);
      const out = rope(r, x, t, c);
      return [out, ...r.gradientsFrom(out, out, [x])];
    });
    gpu.free(x, t);
    return { y: y!, dx: dx! };
  }

  test("quarter turns of integers, and turned back, exactly", async () => {
    const x = integers(nRows * width, 1);
    const table = new Float32Array(nPositions * c.nHalf * 2);
    for (let i = 0; i < nPositions * c.nHalf; i++) table.set([[1, 0], [0, 1], [-1, 0], [0, -1]][(i * 7 + (i >> 2)) % 4]!, 2 * i);
    const { y, dx } = await run(x, table);
    expectClose(y, ropeTwin(x, table, c.nHalf, c), exact, "y");
    expectClose(dx, x, exact, "turned back");
  });

  test("floats against the twin; values and the rest of a head untouched", async () => {
    const x = floats(nRows * width, 2);
    const table = ropeTable(ropeFrequencies(1e4, 2 * c.nHalf), nPositions);
    const { y } = await run(x, table);
    const expected = ropeTwin(x, table, c.nHalf, c);
    const bounds = ropeBounds(x, table, c.nHalf, c);
    expectClose(y, expected, (i) => bounds[i]!, "y");
  });
});

describe("rope", () => {
  const one = { nHead: 1, nKvHead: 1, seqLen: 1 };
  const turn = async (x: readonly number[], theta: number, width: number, position: number): Promise<number[]> => {
    const gpu = await testGpu();
    const dHead = x.length;
    const qkv = gpu.upload(Float32Array.from([...x, ...x, ...x]), [1, 3 * dHead], "qkv");
    const table = gpu.upload(ropeTable(ropeFrequencies(theta, width), position + 1), [position + 1, width / 2, 2], "table");
    const [y] = await evaluate(gpu, (r) => [rope(r, qkv, table, { ...one, dHead, position })]);
    gpu.free(qkv, table);
    return [...y!.subarray(0, dHead)];
  };

  test("worked numbers: positions 1, 2 and 10, and half of a head", async () => {
    const x = [1, 2, 3, 4];
    const bound = printed(6) + ropeBound(3 + 4);
    expectClose(await turn(x, 1e4, 4, 1), [-1.984111, 1.959901, 2.462378, 4.0198], bound);
    expectClose(await turn(x, 1e4, 4, 2), [-3.144039, 1.919605, -0.339143, 4.039197], bound);
    expectClose(await turn(x, 1e4, 4, 10), [0.792992, 1.590675, -3.061236, 4.179683], bound);
    const partial = await turn([1, 2, 3, 4, 5, 6, 7, 8], 1e4, 4, 1);
    expectClose(partial, [-1.984111, 1.959901, 2.462378, 4.0198, 5, 6, 7, 8], bound);
  });

  test("a product of rotated vectors depends on the distance alone", async () => {
    const [q, x] = [[0.3, -1, 0.5, 2], [1, 2, 3, 4]];
    const bound = rotatedDotBound(4, Math.hypot(...q), Math.hypot(...x));
    for (const [i, j] of [[5, 3], [9, 7], [2, 0]] as const) {
      const product = dot(await turn(q, 1e4, 4, i), await turn(x, 1e4, 4, j));
      expectClose(product, 5.45346537, bound + printed(8), `positions ${i} and ${j}`);
    }
    expectClose(dot(await turn([1, 0, 2, -1], 1e4, 4, 12), await turn([0.5, 1, -1, 2], 1e4, 4, 10)), -3.173976, rotatedDotBound(4, 3, 3) + printed(6));
  });

  test("a dynamic position gives the bits of the same number", async () => {
    const gpu = await testGpu();
    const c = { nHead: 2, nKvHead: 1, dHead: 4, seqLen: 3 };
    const x = gpu.upload(floats(6 * 16, 3), [6, 16], "x");
    const table = gpu.upload(ropeTable(ropeFrequencies(1e4, 4), 12), [12, 2, 2], "table");
    const plan = await gpu.record("rope", (r) => r.keep(rope(r, x, table, { ...c, position: r.dynamic("position") })));
    for (const position of [0, 7, 2]) {
      plan.run({ position });
      const [fixed] = await evaluate(gpu, (r) => [rope(r, x, table, { ...c, position })]);
      expectClose(await gpu.read(plan.outputs), fixed!, exact, `position ${position}`);
    }
    plan.dispose();
    gpu.free(x, table);
  });

  test("the gradient is the rotation by −φ, by central differences", () => {
    const c = of(2, 1, 6, 2, 1, 3, 4);
    const table = ropeTable(ropeFrequencies(100, 4), 7, 1.25);
    const [x, dy] = [floats(3 * 24, 4), floats(3 * 24, 5)];
    const dx = ropeTwin(dy, table, c.nHalf, c, -1);
    expectClose(dx, numericGradient((at) => dot(ropeTwin(at, table, c.nHalf, c), dy), x), gradientTwin(dx));
  });

  test("refuses positions the table lacks, and a table wider than a head", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(floats(24, 1), [2, 12], "x");
    const table = gpu.upload(floats(12, 1), [3, 2, 2], "table");
    const late = await refusal(gpu, (r) => [rope(r, x, table, { nHead: 1, nKvHead: 1, dHead: 4, seqLen: 2, position: 2 })]);
    expect(late.message).toBe("rope: positions 2 to 3 do not fit in the table of 3");
    const wide = await refusal(gpu, (r) => [rope(r, x, table, { nHead: 4, nKvHead: 1, dHead: 2, seqLen: 2, position: 0 })]);
    expect(wide.message).toBe("rope: table is [3,2,2], expected [n_positions,at most 1,2]");
    const fused = await refusal(gpu, (r) => [rope(r, x, table, { nHead: 2, nKvHead: 1, dHead: 4, seqLen: 2, position: 0 })]);
    expect(fused.message).toBe("rope: qkv is [2,12], expected [n·2,16] for 2 query and 1 kv heads of 4");
    gpu.free(x, table);
  });
});
