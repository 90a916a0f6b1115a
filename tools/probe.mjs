// @ts-check
/**
 * Asks Dawn for an adapter and lets it compute `probe.wgsl`; prints one line of JSON, `null` where there is
 * none. Runs in a process of its own: the Vulkan loader reads its environment once, and a bad driver may crash.
 */
import { readFileSync } from "node:fs";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const dawn = create(process.argv.slice(2));
const adapter = await dawn.requestAdapter();
console.log(JSON.stringify(adapter && (await computes(adapter)) ? describe(adapter) : null));
// Dawn's threads would keep the process alive.
process.exit(0);

/** @param {GPUAdapter} adapter */
function describe({ info, features }) {
  const { vendor, architecture, device, description } = info;
  const wanted = ["shader-f16", "subgroups", "timestamp-query"];
  return { vendor, architecture, device, description, features: wanted.filter((f) => features.has(f)) };
}

/** @param {GPUAdapter} adapter */
async function computes(adapter) {
  const device = await adapter.requestDevice();
  const input = Uint32Array.from({ length: 100 }, (_, i) => 100 - i);
  const size = input.byteLength;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const x = device.createBuffer({ size, usage });
  const y = device.createBuffer({ size, usage });
  const back = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, input);
  const code = readFileSync(new URL("probe.wgsl", import.meta.url), "utf8");
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const layout = pipeline.getBindGroupLayout(0);
  const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(2);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, back, 0, size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const result = new Uint32Array(back.getMappedRange());
  return input.every((v, i) => result[i] === 3 * v + i);
}
