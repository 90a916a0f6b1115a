import { Gpu } from "../gpu/gpu.ts";
import { matmul } from "../gpu/ops/matmul.ts";
import { Random } from "../lib/random.ts";
import { expectClose, sumBound } from "../lib/testing/close.ts";

/** One measured number: median of `n` repeats; `spread` is the distance between their quartiles. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly n: number;
  readonly spread: number;
}

export interface MatmulBench {
  readonly adapter: string;
  readonly rows: readonly Row[];
}

/** One way to multiply: `run` resolves when the product is there, `read` gives it. */
interface Contender {
  readonly name: string;
  run(): Promise<void>;
  read(): Promise<Float32Array>;
  dispose(): void;
}

export interface MeasureOptions {
  /** Edge lengths of the square matrices. */
  readonly sizes: readonly number[];
  readonly nRepeats: number;
  /** Larger sizes leave the naive kernel out: at 1024³ it takes a slow adapter minutes. */
  readonly naiveUpTo?: number;
}

/**
 * Times y = a·b and y = a·bᵀ, f32, with our chosen kernel, our naive kernel and jax-js (jitted, WebGPU), each
 * repeat running all three one after another, after checking that they agree. `provider` must be what
 * `navigator.gpu` gives to jax-js. Throws where results differ by more than their rounding errors allow.
 */
export async function measureMatmul(
  provider: GPU,
  { sizes, nRepeats, naiveUpTo = Infinity }: MeasureOptions,
): Promise<MatmulBench> {
  const gpu = await Gpu.open(provider);
  const rows: Row[] = [];
  for (const size of sizes) {
    for (const transposeB of [false, true]) {
      const random = new Random(size, "bench");
      const [a, b] = [0, 1].map(() =>
        Float32Array.from({ length: size * size }, () => 2 * random.next() - 1),
      );
      const contenders = [
        await ours(gpu, "ours", a!, b!, size, transposeB),
        await jax(a!, b!, size, transposeB),
        ...(size <= naiveUpTo ? [await ours(gpu, "naive", a!, b!, size, transposeB)] : []),
      ];
      await checkAgreement(contenders, a!, b!, size, transposeB);
      const ms = contenders.map((): number[] => []);
      for (let i = 0; i < nRepeats; i++) {
        for (const [k, contender] of contenders.entries()) {
          const start = performance.now();
          await contender.run();
          ms[k]!.push(performance.now() - start);
        }
      }
      const what = `matmul ${size}³ ${transposeB ? "a·bᵀ" : "a·b"}`;
      contenders.forEach(({ name }, k) => rows.push(summary(`${what}: ${name}`, "ms", ms[k]!)));
      for (let k = 1; k < contenders.length; k++) {
        const ratios = ms[0]!.map((own, i) => ms[k]![i]! / own);
        rows.push(summary(`${what}: times ours is faster than ${contenders[k]!.name}`, "×", ratios));
      }
      contenders.forEach((contender) => contender.dispose());
    }
  }
  const { vendor, architecture, description } = gpu.adapter;
  gpu.destroy();
  return { adapter: [vendor, architecture, description].filter(Boolean).join(" "), rows };
}

async function ours(
  gpu: Gpu,
  name: "ours" | "naive",
  a: Float32Array,
  b: Float32Array,
  size: number,
  transposeB: boolean,
): Promise<Contender> {
  const [left, right] = [gpu.upload(a, [size, size], "a"), gpu.upload(b, [size, size], "b")];
  const plan = await gpu.record(name, (r) =>
    r.keep(matmul(r, left, right, { transposeB, ...(name === "naive" && { choice: { kernel: "naive" } }) })),
  );
  return {
    name,
    async run() {
      plan.run();
      await gpu.idle();
    },
    read: () => gpu.read(plan.outputs),
    dispose() {
      plan.dispose();
      gpu.free(left, right);
    },
  };
}

async function jax(a: Float32Array, b: Float32Array, size: number, transposeB: boolean): Promise<Contender> {
  const { blockUntilReady, defaultDevice, init, jit, numpy: np } = await import("@jax-js/jax");
  await init("webgpu");
  defaultDevice("webgpu");
  const left = np.array(Float32Array.from(a)).reshape([size, size]);
  const right = np.array(Float32Array.from(b)).reshape([size, size]);
  const product = jit((x: typeof left, y: typeof left) => np.matmul(x, transposeB ? y.transpose() : y));
  return {
    name: "jax-js",
    async run() {
      const y = product(left.ref, right.ref);
      await blockUntilReady(y);
      y.dispose();
    },
    async read() {
      return (await product(left.ref, right.ref).data()) as Float32Array;
    },
    dispose() {
      left.dispose();
      right.dispose();
    },
  };
}

/** Runs every contender once (which also warms it up) and compares its product with the first one's. */
async function checkAgreement(
  contenders: readonly Contender[],
  a: Float32Array,
  b: Float32Array,
  size: number,
  transposeB: boolean,
): Promise<void> {
  const results: Float32Array[] = [];
  for (const contender of contenders) {
    await contender.run();
    results.push((await contender.read()).slice());
  }
  // Σ|a||b| ≤ ‖row of a‖·‖column of b‖; each of the two results may be off by its own error.
  const [rowNorm, colNorm] = [new Float64Array(size), new Float64Array(size)];
  for (let i = 0; i < size * size; i++) {
    rowNorm[Math.floor(i / size)]! += a[i]! ** 2;
    colNorm[transposeB ? Math.floor(i / size) : i % size]! += b[i]! ** 2;
  }
  const bound = (i: number): number =>
    2 * sumBound(size, Math.sqrt(rowNorm[Math.floor(i / size)]! * colNorm[i % size]!));
  contenders.forEach(({ name }, k) => expectClose(results[k]!, results[0]!, bound, `${name}, ${size}³`));
}

function summary(name: string, unit: string, values: readonly number[]): Row {
  const sorted = values.toSorted((x, y) => x - y);
  const quantile = (q: number): number => {
    const at = q * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
    return low + (high - low) * (at % 1);
  };
  return { name, value: quantile(0.5), unit, n: values.length, spread: quantile(0.75) - quantile(0.25) };
}
