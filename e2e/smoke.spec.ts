import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";

const code = readFileSync(new URL("../tools/probe.wgsl", import.meta.url), "utf8");

test("the page opens without a word of complaint", async ({ page }) => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  const response = await page.goto("./");
  expect(response?.status()).toBe(200);
  await expect(page).toHaveTitle(/Benchtop/);
  await expect(page.locator("#root > *").first()).toBeVisible();
  expect(complaints).toEqual([]);
});

test("the browser has WebGPU and computes", async ({ page }) => {
  await page.goto("./");
  const n = 100;
  const result = await page.evaluate(computeInPage, { code, n });
  expect(result.vendor, "the adapter says who it is").not.toBe("");
  expect(result.y).toEqual(Array.from({ length: n }, (_, i) => 3 * (n - i) + i));
});

/** Runs `tools/probe.wgsl` on x[i] = n − i. Sent to the page, so it uses nothing from this file. */
async function computeInPage({ code, n }: { code: string; n: number }) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("this browser gives no WebGPU adapter");
  const device = await adapter.requestDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const x = device.createBuffer({ size: 4 * n, usage });
  const y = device.createBuffer({ size: 4 * n, usage });
  const back = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(
    x,
    0,
    Uint32Array.from({ length: n }, (_, i) => n - i),
  );
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(n / 64));
  pass.end();
  encoder.copyBufferToBuffer(y, 0, back, 0, 4 * n);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const values = [...new Uint32Array(back.getMappedRange())];
  device.destroy();
  return { vendor: adapter.info.vendor, y: values };
}
