import { describe, expect, test } from "vitest";
import { LabError } from "../lib/errors.ts";
import { exact, expectClose } from "../lib/testing/close.ts";
import { Gpu } from "./gpu.ts";
import { add, addKernel } from "./ops/add.ts";
import { fill } from "./ops/fill.ts";
import { rmsNorm } from "./ops/rms_norm.ts";
import { scale } from "./ops/scale.ts";
import type { Recorder } from "./recorder.ts";
import { Storage, Tensor } from "./tensor.ts";
import { floats, integers } from "./testing/inputs.ts";
import { nodeProvider, testGpu } from "./testing/node_gpu.ts";

async function failure(work: () => unknown): Promise<LabError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
  throw new Error("expected a LabError");
}

describe("running", () => {
  test("a plan run again gives the same bits", async () => {
    const gpu = await testGpu();
    const [x, w] = [gpu.upload(floats(700, 1), [10, 70], "x"), gpu.upload(floats(70, 2), [70], "w")];
    const plan = await gpu.record("p", (r) => r.keep(add(r, rmsNorm(r, scale(r, x, 0.3), w, 1e-5), x, 0.7)));
    plan.run();
    const first = await gpu.read(plan.outputs);
    for (let i = 0; i < 3; i++) plan.run();
    expectClose(await gpu.read(plan.outputs), first, exact);
    plan.dispose();
    gpu.free(x, w);
  });

  test("dynamic uniforms take their value at each run, and a missing one is named", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(9, 1), [9], "x");
    const plan = await gpu.record("p", (r) => r.keep(scale(r, scale(r, x, r.dynamic("a")), r.dynamic("b"))));
    expect(plan.dynamics).toEqual(["a", "b"]);
    for (const [a, b] of [
      [2, 3],
      [-1, 4],
      [0, 5],
    ] as const) {
      plan.run({ a, b });
      expectClose(
        await gpu.read(plan.outputs),
        integers(9, 1).map((v) => a * b * v),
        exact,
      );
    }
    expect((await failure(() => plan.run({ a: 1 }))).message).toBe("p: no value for b");
    plan.dispose();
    gpu.free(x);
  });

  test("runs queued without waiting each see their own uniforms and the resident state before them", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(Float32Array.of(1), [1], "x");
    const y = gpu.zeros([1], "f32", "y");
    const step = (from: Tensor, to: Tensor) =>
      gpu.record("step", (r) => {
        const uniforms = { n: 1, n_b: 1, scale: r.dynamic("k") };
        r.dispatch(addKernel, { bind: { a: from, b: from, y: to }, uniforms, grid: [1] });
      });
    const [there, back] = [await step(x, y), await step(y, x)];
    for (const k of [1, 2, 3]) {
      there.run({ k });
      back.run({ k: 0 });
    }
    expectClose(await gpu.read(x), [24], exact);
    there.dispose();
    back.dispose();
    gpu.free(x, y);
  });

  test("two plans in flight do not touch each other's memory", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(5000, 2), [5000], "x");
    const chain = (factor: number) => (r: Recorder) =>
      r.keep([1, 2, 3].reduce((t) => add(r, t, scale(r, x, factor)), scale(r, x, 0)));
    const [p, q] = [await gpu.record("p", chain(1)), await gpu.record("q", chain(-2))];
    for (let i = 0; i < 5; i++) {
      p.run();
      q.run();
    }
    expectClose(
      await gpu.read(p.outputs),
      integers(5000, 2).map((v) => 3 * v),
      exact,
    );
    expectClose(
      await gpu.read(q.outputs),
      integers(5000, 2).map((v) => -6 * v),
      exact,
    );
    p.dispose();
    q.dispose();
    gpu.free(x);
  });

  test("more dispatches than one submission takes", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(Float32Array.of(0, 1), [2], "x");
    const one = gpu.upload(Float32Array.of(1, 1), [2], "one");
    const plan = await gpu.record("long", (r) => {
      let y = x;
      for (let i = 0; i < 300; i++) y = add(r, y, one);
      return r.keep(y);
    });
    expect(plan.nDispatches).toBe(300);
    plan.run();
    expectClose(await gpu.read(plan.outputs), [300, 301], exact);
    // Two slots of 256 bytes: a value lives only until the next is made.
    expect(plan.bytes).toBe(512);
    plan.dispose();
    gpu.free(x, one);
  });
});

describe("reading", () => {
  test("kept outputs can be read, others refuse", async () => {
    const gpu = await testGpu();
    const plan = await gpu.record("p", (r) => {
      const inner = fill(r, [3], 2);
      return { inner, outer: r.keep(scale(r, inner, 2)) };
    });
    plan.run();
    expectClose(await gpu.read(plan.outputs.outer), [4, 4, 4], exact);
    const error = await failure(() => gpu.read(plan.outputs.inner));
    expect(error.message).toBe("read: fill is not kept by its plan, its memory may be reused");
    plan.dispose();
    expect((await failure(() => gpu.read(plan.outputs.outer))).message).toMatch(/freed or was never planned/);
  });

  test("a kept output survives later steps that want memory", async () => {
    const gpu = await testGpu();
    const plan = await gpu.record("p", (r) => {
      const early = r.keep(fill(r, [64], 7));
      let y = scale(r, early, 1);
      for (let i = 0; i < 5; i++) y = scale(r, y, 2);
      return { early, late: r.keep(y) };
    });
    plan.run();
    expectClose(await gpu.read(plan.outputs.early), new Float32Array(64).fill(7), exact);
    expectClose(await gpu.read(plan.outputs.late), new Float32Array(64).fill(224), exact);
    plan.dispose();
  });

  test("writes in part, in halves of an odd number, and beyond the end", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(5, 1), [5], "x");
    gpu.write(x, Float32Array.of(8, 9), 3);
    expectClose(await gpu.read(x), [...integers(5, 1).subarray(0, 3), 8, 9], exact);
    expect((await failure(() => gpu.write(x, new Float32Array(2), 4))).message).toBe(
      "write: 2 elements at 4 into x of 5",
    );
    const h = gpu.zeros([3], "f16", "h");
    gpu.write(h, Uint16Array.of(0x3c00, 0x4000, 0x4200));
    expectClose(await gpu.read(h), [1, 2, 3], exact);
    const ids = gpu.upload(Uint32Array.of(0xffffffff, 7), [2], "ids");
    expect([...(await gpu.read(ids, "u32"))]).toEqual([0xffffffff, 7]);
    gpu.free(x, h, ids);
  });
});

describe("refusing", () => {
  test("reading before writing", async () => {
    const gpu = await testGpu();
    const error = await failure(() => gpu.record("p", (r) => scale(r, r.empty([2], "f32", "nothing"), 1)));
    expect(error.message).toBe("scale: x (nothing) is read before anything writes it");
  });

  test("one tensor bound twice, once for writing", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(4, 1), [4], "x");
    const bind = { a: x, b: x, y: x };
    const error = await failure(() =>
      gpu.record("p", (r) =>
        r.dispatch(addKernel, { bind, uniforms: { n: 4, n_b: 4, scale: 1 }, grid: [1] }),
      ),
    );
    expect(error.message).toBe("add: y (x) is bound twice, once for writing");
    gpu.free(x);
  });

  test("a grid beyond the limit, and a reshape to another size", async () => {
    const gpu = await testGpu();
    const x = gpu.upload(integers(4, 1), [4], "x");
    const grid = await failure(() =>
      gpu.record("p", (r) =>
        r.dispatch(addKernel, {
          bind: { a: x, b: x, y: r.empty([4], "f32", "y") },
          uniforms: { n: 4, n_b: 4, scale: 1 },
          grid: [65536],
        }),
      ),
    );
    expect(grid.message).toBe("add: grid 65536×1×1 exceeds 65535 workgroups in one dimension");
    const reshape = await failure(() => gpu.record("p", (r) => r.reshape(x, [3])));
    expect(reshape.message).toBe("reshape: [4] has 4 elements, [3] has 3");
    gpu.free(x);
  });
});

describe("memory", () => {
  test("a tensor too large for the device is refused as out-of-memory, and nothing leaks", async () => {
    const gpu = await testGpu();
    const limit = gpu.device.limits.maxStorageBufferBindingSize;
    gpu.memory.trim();
    const before = gpu.memory.report().bytes;
    const large = new Tensor(new Storage(limit + 4, "large"), [1], "f32");
    const error = await failure(() =>
      gpu.record("p", (r) => {
        const small = scale(r, fill(r, [1000], 1), 1);
        r.dispatch(addKernel, {
          bind: { a: small, b: small, y: large },
          uniforms: { n: 1, n_b: 1, scale: 1 },
          grid: [1],
        });
      }),
    );
    expect(error.code).toBe("out-of-memory");
    expect(error.hint).toMatch(/smaller/);
    expect(gpu.memory.report().bytes).toBe(before);
    expect((await failure(() => gpu.zeros([limit / 4 + 1], "f32", "w"))).code).toBe("out-of-memory");
    expect(gpu.memory.report().bytes).toBe(before);
  });

  test("disposing gives everything back; free gives resident memory back", async () => {
    const gpu = await testGpu();
    gpu.memory.trim();
    const before = gpu.memory.report();
    const x = gpu.zeros([1000], "f32", "x", "weights");
    expect(gpu.memory.report().byKind.weights - before.byKind.weights).toBe(4000);
    const plan = await gpu.record("p", (r) => r.keep(scale(r, x, 2)));
    expect(gpu.memory.report().byKind.activations - before.byKind.activations).toBe(plan.bytes);
    plan.dispose();
    expect(gpu.memory.report().pooledBytes).toBe(plan.bytes);
    gpu.free(x, x);
    gpu.memory.trim();
    expect(gpu.memory.report().bytes).toBe(before.bytes);
    expect((await failure(() => gpu.read(x))).message).toMatch(/x has been freed/);
  });
});

test("a destroyed device says so once, as destroyed", async () => {
  const gpu = await Gpu.open(nodeProvider());
  gpu.destroy();
  expect((await gpu.lost).reason).toBe("destroyed");
});
