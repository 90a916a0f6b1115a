import { describe, expect, test } from "vitest";
import { floatToHalf, halfToFloat } from "../../lib/half.ts";
import { exact, expectClose, gradientTwin, sums } from "../../lib/testing/close.ts";
import type { Gpu } from "../gpu.ts";
import type { Tensor } from "../tensor.ts";
import { dot, floats, integers, numericGradient } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { matmul, matmulBackwardTwin, matmulTwin, type TwinShape } from "./matmul.ts";
import { chooseMatmul, type MatmulChoice, type MatmulShape } from "./matmul_kernels.ts";

const layouts = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
] as const;

/** Every kernel with every setting that `chooseMatmul` may give it, wherever the test runs. */
const choices: readonly (readonly [string, MatmulChoice])[] = [
  ["naive", { kernel: "naive" }],
  ["block of 4 rows", { kernel: "block", rows: 4, wg: [16, 1], splits: 1 }],
  ["block of 8 rows", { kernel: "block", rows: 8, wg: [4, 4], splits: 1 }],
  ["block of 8 rows, one high", { kernel: "block", rows: 8, wg: [16, 1], splits: 1 }],
  ["block, k in 3 parts", { kernel: "block", rows: 8, wg: [4, 4], splits: 3 }],
  ["tiles of 64", { kernel: "tiled", tileM: 64, splits: 1 }],
  ["tiles of 32", { kernel: "tiled", tileM: 32, splits: 1 }],
  ["tiles, k in 3 parts", { kernel: "tiled", tileM: 64, splits: 3 }],
  ["vec4 tiles of 64", { kernel: "tiled_vec4", tileM: 64, splits: 1 }],
  ["vec4 tiles of 32", { kernel: "tiled_vec4", tileM: 32, splits: 1 }],
  ["vec4 tiles, k in 3 parts", { kernel: "tiled_vec4", tileM: 64, splits: 3 }],
  ...([1, 2, 3, 4] as const).flatMap((rows): [string, MatmulChoice][] => [
    [`matvec of ${rows} rows`, { kernel: "matvec", rows, lanes: 16, wgSize: 64 }],
    [`matvec of ${rows} rows, no lanes`, { kernel: "matvec", rows, lanes: 1, wgSize: 16 }],
  ]),
];

/** Sizes one, prime, and one off each edge of the tiles (4, 8, 32 or 64 rows, 8, 32 or 64 columns, 16 or 4 in k). */
const sizes = [
  [1, 1, 1],
  [7, 13, 11],
  [16, 8, 16],
  [17, 65, 33],
  [65, 63, 47],
  [33, 31, 15],
  [5, 9, 130],
] as const;
/** The same for kernels that read four at once. */
const alignedSizes = [
  [4, 4, 4],
  [8, 64, 16],
  [68, 60, 20],
  [36, 68, 132],
] as const;

type Layout = (typeof layouts)[number];
const name = ({ transposeA = false, transposeB = false }: Partial<Layout>): string =>
  (transposeA ? "T" : "N") + (transposeB ? "T" : "N");
const needsAligned = ({ kernel }: MatmulChoice): boolean => kernel === "tiled_vec4" || kernel === "matvec";
const isTiled = ({ kernel }: MatmulChoice): boolean => kernel === "tiled" || kernel === "tiled_vec4";
/** Smaller tiles and split ones: a compiler for the CPU needs seconds for each, so they are tried in one layout. */
const isVariation = (choice: MatmulChoice): boolean =>
  isTiled(choice) && "tileM" in choice && (choice.tileM === 32 || choice.splits > 1);
const supports = (choice: MatmulChoice, layout: Layout): boolean =>
  name(layout) === "NT" || !(choice.kernel === "matvec" || isVariation(choice));

interface Case {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly as: Float32Array<ArrayBuffer>;
  readonly bs: Float32Array<ArrayBuffer>;
  readonly shape: TwinShape;
}

/** Uploaded operands of the given sizes. A batch of 0 elements leaves an operand without its leading axis. */
function operands(
  gpu: Gpu,
  shape: TwinShape,
  fill: (n: number, seed: number) => Float32Array<ArrayBuffer>,
): Case {
  const { m, n, k, g = 1, aBatch = m * k, bBatch = k * n, transposeA, transposeB } = shape;
  const batched = (batch: number, axes: readonly number[]) =>
    shape.g !== undefined && batch > 0 ? [g, ...axes] : axes;
  const aShape = batched(aBatch, transposeA ? [k, m] : [m, k]);
  const bShape = batched(bBatch, transposeB ? [n, k] : [k, n]);
  const [as, bs] = [
    fill(
      aShape.reduce((p, q) => p * q),
      1,
    ),
    fill(
      bShape.reduce((p, q) => p * q),
      2,
    ),
  ];
  return { a: gpu.upload(as, aShape, "a"), b: gpu.upload(bs, bShape, "b"), as, bs, shape };
}

/** Σ|terms| of each element of the product, which its rounding error scales with. */
const magnitude = (a: ArrayLike<number>, b: ArrayLike<number>, shape: TwinShape): Float64Array =>
  matmulTwin(Float64Array.from(a, Math.abs), Float64Array.from(b, Math.abs), shape);

describe.each(choices)("matmul: %s", (_, choice) => {
  const small = needsAligned(choice) ? alignedSizes : sizes;
  const hasEpilogue = choice.kernel !== "naive";

  test("integers exactly at all edges, batched floats against the twin", async () => {
    const gpu = await testGpu();
    const cases = layouts
      .filter((layout) => supports(choice, layout))
      .flatMap((layout) => [
        ...small.map(([m, n, k]) => operands(gpu, { m, n, k, ...layout }, integers)),
        // Where k is the outer axis of both, vector loads leave it free; past its end lies the next matrix.
        ...(name(layout) === "TN" ? [operands(gpu, { m: 36, n: 68, k: 37, g: 2, ...layout }, integers)] : []),
        operands(gpu, { m: 12, n: 68, k: 148, g: 3, ...layout }, floats),
      ]);
    const isBatched = ({ shape: { g } }: Case): boolean => g !== undefined;
    const addends = cases.map((c) =>
      (isBatched(c) ? floats : integers)((c.shape.g ?? 1) * c.shape.m * c.shape.n, 3),
    );
    const addTo = cases.map(({ shape: { m, n, g } }, i) =>
      gpu.upload(addends[i]!, g ? [g, m, n] : [m, n], "c"),
    );
    const ys = await evaluate(gpu, (r) =>
      cases.map(({ a, b, shape: { transposeA = false, transposeB = false } }, i) =>
        matmul(r, a, b, { transposeA, transposeB, choice, ...(hasEpilogue && { addTo: addTo[i]! }) }),
      ),
    );
    cases.forEach((c, i) => {
      const { as, bs, shape } = c;
      const plus = (x: number): number => (hasEpilogue ? x : 0);
      const expected = matmulTwin(as, bs, shape).map((v, j) => v + plus(addends[i]![j]!));
      const terms = magnitude(as, bs, shape).map((v, j) => v + plus(Math.abs(addends[i]![j]!)));
      const bound = isBatched(c) ? sums(shape.k + 1, terms) : exact;
      expectClose(ys[i]!, expected, bound, `${name(shape)} ${shape.m}x${shape.n}x${shape.k}`);
    });
    gpu.free(...cases.flatMap(({ a, b }) => [a, b]), ...addTo);
  });

  // Variations of a kernel read b like its plain setting.
  if (isVariation(choice)) return;

  test("b in f16", async ({ skip }) => {
    const gpu = await testGpu();
    if (!gpu.features.f16) skip("the adapter has no shader-f16");
    for (const transposeB of choice.kernel === "matvec" || isTiled(choice) ? [true] : [true, false]) {
      const shape = { m: 12, n: 72, k: 140, transposeB };
      const { a, b, as, bs } = operands(gpu, shape, floats);
      const half = gpu.zeros(b.shape, "f16", "half");
      const bits = floatToHalf(bs);
      gpu.write(half, bits);
      const [y] = await evaluate(gpu, (r) => [matmul(r, a, half, { transposeB, choice })]);
      const rounded = halfToFloat(bits);
      expectClose(y!, matmulTwin(as, rounded, shape), sums(shape.k, magnitude(as, rounded, shape)));
      gpu.free(a, b, half);
    }
  });
});

describe("matmul", () => {
  test("more than 65,535 rows, columns and inner steps", async () => {
    const gpu = await testGpu();
    for (const [m, n, k] of [
      [66000, 3, 4],
      [2, 66000, 4],
      [66000, 5, 3],
      [3, 5, 66000],
    ] as const) {
      for (const transposeB of [false, true]) {
        const shape = { m, n, k, transposeB };
        const { a, b, as, bs } = operands(gpu, shape, integers);
        const [y] = await evaluate(gpu, (r) => [matmul(r, a, b, { transposeB })]);
        expectClose(y!, matmulTwin(as, bs, shape), exact, `${m}x${n}x${k}`);
        gpu.free(a, b);
      }
    }
  });

  test.each(layouts)("gradients against the twin: $transposeA $transposeB", async (layout) => {
    const gpu = await testGpu();
    const [m, n, k, g] = [5, 36, 12, 3];
    // Both batched, b shared, a shared, neither.
    for (const batch of [{ g }, { g, bBatch: 0 }, { g, aBatch: 0 }, {}]) {
      const shape = { m, n, k, ...layout, ...batch };
      const count = "g" in batch ? g : 1;
      const dys = floats(count * m * n, 5);
      const dy = gpu.upload(dys, "g" in batch ? [g, m, n] : [m, n], "dy");
      const { a, b, as, bs } = operands(gpu, shape, floats);
      const [y, da, db, dc] = await evaluate(gpu, (r) => {
        r.track(a, b, dy);
        const out = matmul(r, a, b, { ...layout, addTo: dy });
        return [out, ...r.gradientsFrom(out, dy, [a, b, dy])];
      });
      expect(y!.length).toBe(dys.length);
      const twin = matmulBackwardTwin(as, bs, dys, shape);
      const positive = [as, bs, dys].map((values) => values.map(Math.abs)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const terms = matmulBackwardTwin(...positive, shape);
      expectClose(da!, twin.da, sums(n * count, terms.da), "da");
      expectClose(db!, twin.db, sums(m * count, terms.db), "db");
      expectClose(dc!, dys, exact, "dc");
      gpu.free(a, b, dy);
    }
  });

  test("only the gradients asked for are computed", async () => {
    const gpu = await testGpu();
    const { a, b } = operands(gpu, { m: 3, n: 4, k: 5 }, floats);
    const dispatches = async (wrt: Tensor[]): Promise<number> => {
      const plan = await gpu.record("test", (r) => {
        r.track(...wrt);
        const y = matmul(r, a, b);
        return r.gradientsFrom(y, y, wrt);
      });
      const { nDispatches } = plan;
      plan.dispose();
      return nDispatches;
    };
    expect([await dispatches([a]), await dispatches([b]), await dispatches([a, b])]).toEqual([2, 2, 3]);
    gpu.free(a, b);
  });

  test.each(layouts)("the twin's gradients match central differences: $transposeA $transposeB", (layout) => {
    const shape = { m: 3, n: 4, k: 5, g: 2, ...layout };
    const [a, b, dy] = [floats(30, 6), floats(40, 7), floats(24, 8)];
    const twin = matmulBackwardTwin(a, b, dy, shape);
    expectClose(
      twin.da,
      numericGradient((at) => dot(matmulTwin(at, b, shape), dy), a),
      gradientTwin(twin.da),
    );
    expectClose(
      twin.db,
      numericGradient((at) => dot(matmulTwin(a, at, shape), dy), b),
      gradientTwin(twin.db),
    );
  });

  test("a product worked by hand", async () => {
    const gpu = await testGpu();
    const a = gpu.upload(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], "a");
    const b = gpu.upload(Float32Array.of(7, 8, 9, 10, 11, 12), [3, 2], "b");
    const [y] = await evaluate(gpu, (r) => [matmul(r, a, b)]);
    expectClose(y!, [58, 64, 139, 154], exact);
    gpu.free(a, b);
  });

  test.each([
    [[4, 64], [32, 8], {}, "matmul: a is [4,64], b is [32,8]; inner sizes 64 and 32 differ"],
    [
      [4, 64],
      [64, 8],
      { transposeB: true },
      "matmul: a is [4,64], b is [64,8]ᵀ; inner sizes 64 and 8 differ",
    ],
    [
      [4, 64],
      [4, 8],
      { transposeB: true, transposeA: true },
      "matmul: a is [4,64]ᵀ, b is [4,8]ᵀ; inner sizes 4 and 8 differ",
    ],
    [[2, 4, 5], [3, 5, 8], {}, "matmul: a is [2,4,5], b is [3,5,8]; batches of 2 and 3 differ"],
    [[4], [4, 8], {}, "matmul: a is [4], b is [4,8]; expected matrices, or batches of them [G,·,·]"],
    [[4, 0], [0, 8], {}, "matmul: a is [4,0], b is [0,8]; the inner size is 0"],
  ])("refuses %j times %j", async (aShape, bShape, options, message) => {
    const gpu = await testGpu();
    const [a, b] = [gpu.zeros(aShape, "f32", "a"), gpu.zeros(bShape, "f32", "b")];
    const error = await refusal(gpu, (r) => [matmul(r, a, b, options)]);
    expect([error.code, error.message]).toEqual(["shape", message]);
    gpu.free(a, b);
  });

  test("refuses an addTo of another shape", async () => {
    const gpu = await testGpu();
    const [a, b, c] = [
      gpu.zeros([2, 3], "f32", "a"),
      gpu.zeros([3, 4], "f32", "b"),
      gpu.zeros([4], "f32", "c"),
    ];
    const error = await refusal(gpu, (r) => [matmul(r, a, b, { addTo: c })]);
    expect(error.message).toBe("matmul: addTo is [4], expected [2,4]");
    gpu.free(a, b, c);
  });

  test("chooses for the adapter and the shape", () => {
    const pick = (
      isSoftware: boolean,
      m: number,
      n: number,
      k: number,
      layout: Partial<MatmulShape> = {},
    ) => {
      const gpu = { adapter: { vendor: "", architecture: "", description: "", isSoftware } } as Gpu;
      const whole = { m, n, k, g: 1, aBatch: 0, bBatch: 0, transposeA: false, transposeB: true, ...layout };
      return chooseMatmul(gpu, whole);
    };
    expect(pick(true, 512, 256, 704)).toMatchObject({ kernel: "block", rows: 8, splits: 1 });
    expect(pick(true, 1, 256, 256)).toMatchObject({ kernel: "matvec", rows: 1, lanes: 1 });
    expect(pick(true, 1, 256, 255)).toMatchObject({ kernel: "block", rows: 4 });
    expect(pick(false, 1, 256, 256)).toMatchObject({ kernel: "matvec", rows: 1, lanes: 16 });
    expect(pick(false, 8, 256, 256)).toMatchObject({ kernel: "matvec", rows: 4 });
    expect(pick(false, 4096, 4096, 4096)).toMatchObject({ kernel: "tiled_vec4", tileM: 64, splits: 1 });
    expect(pick(false, 4096, 4096, 4095)).toMatchObject({ kernel: "tiled", tileM: 64, splits: 1 });
    expect(pick(false, 256, 256, 4096, { transposeA: true, transposeB: false })).toMatchObject({
      tileM: 32,
      splits: 2,
    });
  });
});
