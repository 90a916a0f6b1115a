import { LabError } from "../../lib/errors.ts";
import type { Gpu } from "../gpu.ts";
import { defineKernel, fold } from "../kernel.ts";
import type { Recorder } from "../recorder.ts";
import type { Tensor } from "../tensor.ts";

const operands = { a: "read", b: "read" } as const;
const epilogue = { bias: "read", add_to: "read", y: "read_write" } as const;
const sizes = { m: "u32", n: "u32", k: "u32", a_batch: "u32", b_batch: "u32" } as const;
const splitSizes = { ...sizes, splits: "u32", k_chunk: "u32" } as const;

const layouts = [{}, { TRANSPOSE_B: 1 }, { TRANSPOSE_A: 1 }, { TRANSPOSE_A: 1, TRANSPOSE_B: 1 }] as const;
const blockShapes = [
  { ROWS: 4, WG_X: 16, WG_Y: 1 },
  { ROWS: 8, WG_X: 16, WG_Y: 1 },
  { ROWS: 8, WG_X: 4, WG_Y: 4 },
] as const;
const tileShapes = [{ TILE_M: 32 }, { TILE_M: 64 }] as const;
const combine = (shapes: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>>[] => [
  ...shapes.flatMap((shape) => layouts.map((layout) => ({ ...shape, ...layout }))),
  { ...shapes[0], HAS_BIAS: 1, HAS_ADD: 1 },
];

export const matmulNaiveKernel = defineKernel({
  name: "matmul_naive",
  bindings: { ...operands, y: "read_write" },
  uniforms: sizes,
  elem: "b",
  permutations: layouts,
});

export const matmulBlockKernel = defineKernel({
  name: "matmul_block",
  bindings: { ...operands, ...epilogue },
  uniforms: splitSizes,
  elem: "b",
  permutations: combine(blockShapes),
});

export const matmulTiledKernel = defineKernel({
  name: "matmul_tiled",
  bindings: { ...operands, ...epilogue },
  uniforms: splitSizes,
  elem: "b",
  permutations: combine(tileShapes),
});

export const matmulTiledVec4Kernel = defineKernel({
  name: "matmul_tiled_vec4",
  bindings: { ...operands, ...epilogue },
  uniforms: splitSizes,
  elem: "b",
  permutations: combine(tileShapes),
});

export const matvecKernel = defineKernel({
  name: "matvec",
  bindings: { ...operands, ...epilogue },
  uniforms: sizes,
  elem: "b",
  permutations: [
    ...[1, 2, 3, 4].flatMap((ROWS) => [
      { ROWS, LANES: 16 },
      { ROWS, LANES: 1, WG_SIZE: 16 },
    ]),
    { HAS_BIAS: 1, HAS_ADD: 1 },
  ],
});

export const matmulSumSplitsKernel = defineKernel({
  name: "matmul_sum_splits",
  bindings: { parts: "read", ...epilogue },
  uniforms: { m: "u32", n: "u32", splits: "u32" },
  permutations: [{ HAS_BIAS: 1, HAS_ADD: 1 }],
});

/** Sizes of y[g,m,n] = Σ_k a[g,m,k]·b[g,k,n] and how its operands lie in memory. */
export interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Number of products. */
  readonly g: number;
  /** Elements from one matrix of `a` (`b`) to the next; 0 where all products share one. */
  readonly aBatch: number;
  readonly bBatch: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** A kernel and its constants. `splits` > 1: k is cut into as many parts, summed by a second dispatch. */
export type MatmulChoice =
  | { readonly kernel: "naive" }
  | {
      readonly kernel: "block";
      readonly rows: 4 | 8;
      readonly wg: readonly [number, number];
      readonly splits: number;
    }
  | { readonly kernel: "tiled" | "tiled_vec4"; readonly tileM: 32 | 64; readonly splits: number }
  | {
      readonly kernel: "matvec";
      readonly rows: 1 | 2 | 3 | 4;
      readonly lanes: number;
      readonly wgSize: number;
    };

/**
 * Which kernel multiplies fastest. On an adapter that computes on the CPU: registers only, eight rows by eight columns. On a GPU: workgroup tiles, smaller ones and parts of k where there would be too few workgroups to
 * fill it. Up to 8 rows against a transposed matrix (decoding): each element of b is read once and used at once.
 */
export function chooseMatmul(gpu: Gpu, shape: MatmulShape): MatmulChoice {
  const { m, n, k, g, transposeA, transposeB } = shape;
  const { isSoftware } = gpu.adapter;
  const isFewRows = m <= (isSoftware ? 2 : 8) && !transposeA && transposeB && k % 4 === 0;
  if (isFewRows) {
    const rows = m >= 4 ? 4 : (m as 1 | 2 | 3);
    return { kernel: "matvec", rows, lanes: isSoftware ? 1 : 16, wgSize: isSoftware ? 16 : 64 };
  }
  if (isSoftware) {
    const rows = m <= 4 ? 4 : 8;
    const wg = m <= rows ? ([16, 1] as const) : ([4, 4] as const);
    const nWorkgroups = Math.ceil(m / (rows * wg[1])) * Math.ceil(n / (8 * wg[0])) * g;
    return { kernel: "block", rows, wg, splits: splitCount(k, nWorkgroups, 4) };
  }
  const isAligned = (transposeA ? m : k) % 4 === 0 && (transposeB ? k : n) % 4 === 0;
  const nTiles = (tileM: number): number => Math.ceil(m / tileM) * Math.ceil(n / 64) * g;
  const tileM = m <= 32 || nTiles(64) < 128 ? 32 : 64;
  return { kernel: isAligned ? "tiled_vec4" : "tiled", tileM, splits: splitCount(k, nTiles(tileM), 64) };
}

/** Parts of k, each at least 256 long, so that about `wanted` workgroups run. */
function splitCount(k: number, nWorkgroups: number, wanted: number): number {
  return Math.max(1, Math.min(Math.ceil(wanted / nWorkgroups), Math.floor(k / 256), 16));
}

export interface MatmulArgs {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly y: Tensor;
  readonly bias?: Tensor | undefined;
  readonly addTo?: Tensor | undefined;
}

/** Records y = op(a)·op(b) (+ bias) (+ addTo) with the given kernel. Shapes have been checked by the op. */
export function recordMatmul(r: Recorder, choice: MatmulChoice, shape: MatmulShape, args: MatmulArgs): void {
  const { m, n, k, g, aBatch, bBatch } = shape;
  const { a, b, y } = args;
  const layout = { TRANSPOSE_A: Number(shape.transposeA), TRANSPOSE_B: Number(shape.transposeB) };
  const uniforms = { m, n, k, a_batch: aBatch, b_batch: bBatch };
  if (choice.kernel === "naive") {
    if (args.bias || args.addTo)
      throw new LabError("internal", "matmul: the naive kernel adds neither bias nor addTo");
    const grid = [Math.ceil(n / 8), Math.ceil(m / 8), g] as const;
    r.dispatch(matmulNaiveKernel, { bind: { a, b, y }, uniforms, grid, constants: layout });
    return;
  }
  // A binding must hold something: `a` stands in for what is not there, and the kernel never looks at it.
  const bind = { a, b, bias: args.bias ?? a, add_to: args.addTo ?? a, y };
  const finish = { HAS_BIAS: Number(args.bias !== undefined), HAS_ADD: Number(args.addTo !== undefined) };
  if (choice.kernel === "matvec") {
    const { rows, lanes, wgSize } = choice;
    const grid = [Math.ceil(n / (wgSize / lanes)), Math.ceil(m / rows), g] as const;
    const constants = { ROWS: rows, LANES: lanes, WG_SIZE: wgSize, ...finish };
    r.dispatch(matvecKernel, { bind, uniforms, grid, constants });
    return;
  }
  const { splits } = choice;
  const kChunk = splits === 1 ? k : Math.ceil(k / splits / 16) * 16;
  const parts = splits === 1 ? null : r.empty([g, splits, m, n], "f32", "matmul.parts");
  const pass = {
    bind: parts === null ? bind : { ...bind, y: parts },
    uniforms: { ...uniforms, splits, k_chunk: kChunk },
  };
  const epilogueHere = parts === null ? finish : {};
  if (choice.kernel === "block") {
    const { rows, wg } = choice;
    const grid = [Math.ceil(n / (8 * wg[0])), Math.ceil(m / (rows * wg[1])), g * splits] as const;
    const constants = { ROWS: rows, WG_X: wg[0], WG_Y: wg[1], ...layout, ...epilogueHere };
    r.dispatch(matmulBlockKernel, { ...pass, grid, constants });
  } else {
    const kernel = choice.kernel === "tiled" ? matmulTiledKernel : matmulTiledVec4Kernel;
    const grid = [Math.ceil(n / 64), Math.ceil(m / choice.tileM), g * splits] as const;
    r.dispatch(kernel, { ...pass, grid, constants: { TILE_M: choice.tileM, ...layout, ...epilogueHere } });
  }
  if (parts === null) return;
  r.dispatch(matmulSumSplitsKernel, {
    bind: { parts, bias: bind.bias, add_to: bind.add_to, y },
    uniforms: { m, n, splits },
    grid: [...fold(Math.ceil((m * n) / 64)), g],
    constants: finish,
  });
}
