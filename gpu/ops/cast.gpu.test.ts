import { expect, test } from "vitest";
import { halfToFloat } from "../../lib/half.ts";
import { exact, expectClose, storedAsF16 } from "../../lib/testing/close.ts";
import { floats } from "../testing/inputs.ts";
import { evaluate, refusal, testGpu } from "../testing/node_gpu.ts";
import { runOp } from "../testing/run_op.ts";
import { castFloat, castHalf } from "./cast.ts";

/** All finite halves but the subnormal ones, which a device may flush. */
const normalHalves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((bits) => {
  const exponent = (bits >>> 10) & 31;
  return exponent > 0 && exponent < 31;
});

test("every normal half widens exactly, and comes back exactly", async ({ skip }) => {
  const gpu = await testGpu();
  if (!gpu.features.f16) skip("the adapter has no f16");
  const x = gpu.zeros([normalHalves.length], "f16", "x");
  gpu.write(x, normalHalves);
  const [wide, back] = await evaluate(gpu, (r) => {
    const y = castFloat(r, x);
    return [y, castHalf(r, y)];
  });
  expectClose(wide!, halfToFloat(normalHalves), exact);
  expectClose(back!, halfToFloat(normalHalves), exact);
  gpu.free(x);
});

const smallestNormalHalf = 2 ** -14;

test.for([1, 3, 257, 4_200_001])(
  "%i floats round to a neighbouring half, and overflow to the largest",
  async (n, { skip }) => {
    const gpu = await testGpu();
    if (!gpu.features.f16) skip("the adapter has no f16");
    const x = floats(n, 1).map((v) => (Math.abs(v) < smallestNormalHalf ? 0 : v));
    if (n > 100) x.set([1e6, -1e6, 65504, 0.1, 1 / 3]);
    const [y] = await runOp(gpu, [{ data: x, shape: [n] }], (r, t) => [castHalf(r, t!)]);
    const expected = x.map((v) => Math.max(-65504, Math.min(65504, v)));
    expectClose(y!, expected, storedAsF16(expected));
  },
);

test("refuses halves where the adapter has none", async () => {
  const gpu = await testGpu();
  const x = gpu.upload(floats(4, 1), [4], "x");
  const without = Object.create(gpu, { features: { value: { ...gpu.features, f16: false } } }) as typeof gpu;
  expect((await refusal(without, (r) => [castHalf(r, x)])).code).toBe("unsupported");
  gpu.free(x);
});
