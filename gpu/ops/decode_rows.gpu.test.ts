import { describe, expect, test } from "vitest";
import { exact, expectClose } from "../../lib/testing/close.ts";
import { floats, integers } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { decodeEmbed, decodeEmbedTwin } from "./decode_embed.ts";
import { decodeGateUp, decodeGateUpTwin } from "./decode_gate_up.ts";
import { decodeHead, decodeHeadTwin } from "./decode_head.ts";
import { gateUpBound, headBound, normedProductBounds, projectBound } from "./decode_kernels.bounds.ts";
import { decodeProject, decodeProjectTwin } from "./decode_project.ts";
import { productTwin } from "./decode_rows.ts";
import { type Tuning, tunedGpu, uploadHalf } from "../testing/decode.ts";
import { rmsNormTwin } from "./rms_norm.ts";

/** Large enough that leaving it out shows. */
const eps = 0.25;
/** nBatch, dIn, nRows: one, primes, one off the tile of four, every batch remainder, more than 65,535 rows. */
const sizes: readonly (readonly [Tuning, number, number, number])[] = [
  ["own", 1, 1, 1],
  ["own", 1, 7, 5],
  ["own", 2, 64, 63],
  ["own", 3, 33, 13],
  ["own", 4, 68, 65],
  ["own", 5, 257, 31],
  ["own", 1, 256, 2048],
  ["own", 1, 8, 66000],
  ["hardware", 3, 33, 13],
  ["hardware", 1, 256, 65],
  ["hardware", 5, 260, 31],
];
const f16Sizes = [[1, 64, 63], [3, 33, 13]] as const;
const skipsF16 = "the adapter has no shader-f16";

/** Rows of ±1, whose mean square is exactly 1. */
const signs = (n: number, seed: number): Float32Array => integers(n, seed, 1).map((v) => (v < 0 ? -1 : 1));

describe("decodeProject", () => {
  test.each(sizes)("%s tuning, %i rows of %i into %i: integers, exactly", async (tuning, nBatch, dIn, nRows) => {
    const gpu = await tunedGpu(tuning);
    const [xs, ws, rs] = [integers(nBatch * dIn, 1), integers(nRows * dIn, 2), integers(nBatch * nRows, 3, 1000)];
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(ws, [nRows, dIn], "w"), gpu.upload(rs, [nBatch, nRows], "r")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeProject(r, ...inputs)]);
    expectClose(y!, decodeProjectTwin(xs, ws, rs, dIn), exact);
    gpu.free(...inputs);
  });

  test.each(sizes)("%s tuning, %i rows of %i into %i against the twin", async (tuning, nBatch, dIn, nRows) => {
    const gpu = await tunedGpu(tuning);
    const [xs, ws, rs] = [floats(nBatch * dIn, 4), floats(nRows * dIn, 5), floats(nBatch * nRows, 6)];
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(ws, [nRows, dIn], "w"), gpu.upload(rs, [nBatch, nRows], "r")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeProject(r, ...inputs)]);
    expectClose(y!, decodeProjectTwin(xs, ws, rs, dIn), projectBound(xs, ws, rs, dIn));
    gpu.free(...inputs);
  });

  test.for(f16Sizes)("%i rows of %i into %i with f16 weights", async ([nBatch, dIn, nRows], { skip }) => {
    const gpu = await testGpu();
    skip(!gpu.features.f16, skipsF16);
    const [xs, rs] = [floats(nBatch * dIn, 7), floats(nBatch * nRows, 8)];
    const w = uploadHalf(gpu, floats(nRows * dIn, 9), [nRows, dIn]);
    const [x, residual] = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(rs, [nBatch, nRows], "r")];
    const [y] = await evaluate(gpu, (r) => [decodeProject(r, x, w.tensor, residual)]);
    expectClose(y!, decodeProjectTwin(xs, w.rounded, rs, dIn), projectBound(xs, w.rounded, rs, dIn));
    gpu.free(x, residual, w.tensor);
  });

  test("refuses weights of another width", async () => {
    const gpu = await testGpu();
    const [x, w, residual] = [gpu.zeros([2, 8], "f32", "x"), gpu.zeros([4, 6], "f32", "w"), gpu.zeros([2, 4], "f32", "r")];
    const error = await refusal(gpu, (r) => [decodeProject(r, x, w, residual)]);
    expect([error.code, error.message]).toEqual(["shape", "decodeProject: w is [4,6], expected [4,8]"]);
    gpu.free(x, w, residual);
  });
});

describe("decodeHead", () => {
  test.each(sizes)("%s tuning, %i rows of %i into %i: rows of ±1 and integers, exactly", async (tuning, nBatch, dIn, nRows) => {
    const gpu = await tunedGpu(tuning);
    const [xs, gs, ws] = [signs(nBatch * dIn, 11), integers(dIn, 12, 7), integers(nRows * dIn, 13)];
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(gs, [dIn], "g"), gpu.upload(ws, [nRows, dIn], "w")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeHead(r, ...inputs, 0)]);
    expectClose(y!, decodeHeadTwin(xs, gs, ws, 0), exact);
    gpu.free(...inputs);
  });

  test.each(sizes)("%s tuning, %i rows of %i into %i against the twin", async (tuning, nBatch, dIn, nRows) => {
    const gpu = await tunedGpu(tuning);
    const [xs, gs, ws] = [floats(nBatch * dIn, 14), floats(dIn, 15), floats(nRows * dIn, 16)];
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(gs, [dIn], "g"), gpu.upload(ws, [nRows, dIn], "w")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeHead(r, ...inputs, eps)]);
    expectClose(y!, decodeHeadTwin(xs, gs, ws, eps), headBound(xs, gs, ws, eps));
    gpu.free(...inputs);
  });

  test.for(f16Sizes)("%i rows of %i into %i with f16 weights", async ([nBatch, dIn, nRows], { skip }) => {
    const gpu = await testGpu();
    skip(!gpu.features.f16, skipsF16);
    const [xs, gs] = [floats(nBatch * dIn, 17), floats(dIn, 18)];
    const w = uploadHalf(gpu, floats(nRows * dIn, 19), [nRows, dIn]);
    const [x, g] = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(gs, [dIn], "g")];
    const [y] = await evaluate(gpu, (r) => [decodeHead(r, x, g, w.tensor, eps)]);
    expectClose(y!, decodeHeadTwin(xs, gs, w.rounded, eps), headBound(xs, gs, w.rounded, eps));
    gpu.free(x, g, w.tensor);
  });
});

describe("decodeGateUp", () => {
  const gateSizes = sizes.map(([tuning, nBatch, dIn, nRows]) => [tuning, nBatch, dIn, Math.min(nRows, 33000)] as const);

  test.each(gateSizes)("%s tuning, %i rows of %i into %i: a saturated gate times integers, exactly", async (tuning, nBatch, dIn, dMlp) => {
    const gpu = await tunedGpu(tuning);
    // Gates of ±128·dIn: silu(a) is a or, flushed, 0; every third gate is 0.
    const xs = Float32Array.from({ length: nBatch * dIn }, (_, i) => (Math.floor(i / dIn) % 2 === 0 ? 1 : -1));
    const ws = integers(2 * dMlp * dIn, 22, 3);
    for (let f = 0; f < dMlp; f++) ws.fill(f % 3 === 0 ? 0 : 128, f * dIn, (f + 1) * dIn);
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(new Float32Array(dIn).fill(1), [dIn], "g"), gpu.upload(ws, [2 * dMlp, dIn], "w")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeGateUp(r, ...inputs, 0)]);
    const up = productTwin(xs, ws.subarray(dMlp * dIn), dIn);
    const expected = up.map((z, i) => (Math.floor(i / dMlp) % 2 === 0 && (i % dMlp) % 3 !== 0 ? 128 * dIn * z : 0));
    expectClose(y!, expected, exact);
    gpu.free(...inputs);
  });

  test.each(gateSizes)("%s tuning, %i rows of %i into %i against the twin", async (tuning, nBatch, dIn, dMlp) => {
    const gpu = await tunedGpu(tuning);
    const [xs, gs, ws] = [floats(nBatch * dIn, 24), floats(dIn, 25), floats(2 * dMlp * dIn, 26)];
    const inputs = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(gs, [dIn], "g"), gpu.upload(ws, [2 * dMlp, dIn], "w")] as const;
    const [y] = await evaluate(gpu, (r) => [decodeGateUp(r, ...inputs, eps)]);
    const z = productTwin(rmsNormTwin(xs, gs, eps), ws, dIn);
    expectClose(y!, decodeGateUpTwin(xs, gs, ws, eps), gateUpBound(z, normedProductBounds(xs, gs, ws, eps), dMlp));
    gpu.free(...inputs);
  });

  test.for(f16Sizes)("%i rows of %i into %i with f16 weights", async ([nBatch, dIn, dMlp], { skip }) => {
    const gpu = await testGpu();
    skip(!gpu.features.f16, skipsF16);
    const [xs, gs] = [floats(nBatch * dIn, 27), floats(dIn, 28)];
    const w = uploadHalf(gpu, floats(2 * dMlp * dIn, 29), [2 * dMlp, dIn]);
    const [x, g] = [gpu.upload(xs, [nBatch, dIn], "x"), gpu.upload(gs, [dIn], "g")];
    const [y] = await evaluate(gpu, (r) => [decodeGateUp(r, x, g, w.tensor, eps)]);
    const z = productTwin(rmsNormTwin(xs, gs, eps), w.rounded, dIn);
    const bound = gateUpBound(z, normedProductBounds(xs, gs, w.rounded, eps), dMlp);
    expectClose(y!, decodeGateUpTwin(xs, gs, w.rounded, eps), bound);
    gpu.free(x, g, w.tensor);
  });

  test("refuses an odd number of rows", async () => {
    const gpu = await testGpu();
    const [x, g, w] = [gpu.zeros([1, 4], "f32", "x"), gpu.zeros([4], "f32", "g"), gpu.zeros([5, 4], "f32", "w")];
    const error = await refusal(gpu, (r) => [decodeGateUp(r, x, g, w, eps)]);
    expect([error.code, error.message]).toEqual(["shape", "decodeGateUp: wGateUp is [5,4], expected as many gate rows as up rows"]);
    gpu.free(x, g, w);
  });
});

describe("decodeEmbed", () => {
  const ids = Uint32Array.from([12, 0, 7, 7, 3]);

  test.each([[1, 1], [2, 7], [5, 257]] as const)("%i rows of %i are copied", async (nBatch, dModel) => {
    const gpu = await testGpu();
    const values = floats(13 * dModel, 31);
    const [table, chosen] = [gpu.upload(values, [13, dModel], "table"), gpu.upload(ids.slice(0, nBatch), [nBatch], "ids")];
    const [x] = await evaluate(gpu, (r) => [decodeEmbed(r, table, chosen)]);
    expectClose(x!, decodeEmbedTwin(values, ids.slice(0, nBatch), dModel), exact);
    gpu.free(table, chosen);
  });

  test("an f16 table is widened exactly", async ({ skip }) => {
    const gpu = await testGpu();
    skip(!gpu.features.f16, skipsF16);
    const table = uploadHalf(gpu, floats(13 * 6, 32), [13, 6]);
    const chosen = gpu.upload(ids, [5], "ids");
    const [x] = await evaluate(gpu, (r) => [decodeEmbed(r, table.tensor, chosen)]);
    expectClose(x!, decodeEmbedTwin(table.rounded, ids, 6), exact);
    gpu.free(table.tensor, chosen);
  });
});
