/** Looks over the engine's shoulder: counts what it asks of WebGPU, and takes its dispatches down. */
import type { Gpu } from "../gpu/gpu.ts";

export interface Counts {
  readonly dispatches: number;
  /** Calls of mapAsync: readbacks. */
  readonly maps: number;
  readonly mappedBytes: number;
  readonly submits: number;
}

/** What `work` asks of any device while it runs, until it resolves. */
export async function counting<T>(work: () => Promise<T>): Promise<{ result: T; counts: Counts }> {
  const counts = { dispatches: 0, maps: 0, mappedBytes: 0, submits: 0 };
  const buffers = GPUBuffer.prototype;
  const passes = GPUComputePassEncoder.prototype;
  const queues = GPUQueue.prototype;
  const { mapAsync } = buffers;
  const { dispatchWorkgroups } = passes;
  const { submit } = queues;
  buffers.mapAsync = function (this: GPUBuffer, mode, offset, size) {
    counts.maps++;
    counts.mappedBytes += size ?? this.size - (offset ?? 0);
    return mapAsync.call(this, mode, offset, size);
  };
  passes.dispatchWorkgroups = function (this: GPUComputePassEncoder, x, y, z) {
    counts.dispatches++;
    return dispatchWorkgroups.call(this, x, y, z);
  };
  queues.submit = function (this: GPUQueue, buffers) {
    counts.submits++;
    return submit.call(this, buffers);
  };
  try {
    return { result: await work(), counts: { ...counts } };
  } finally {
    buffers.mapAsync = mapAsync;
    passes.dispatchWorkgroups = dispatchWorkgroups;
    queues.submit = submit;
  }
}

/** Milliseconds that `work` takes, and how many of them it spends inside `queue.submit`. */
export async function timingSubmit(
  work: () => void | Promise<void>,
): Promise<{ ms: number; submitMs: number }> {
  const queues = GPUQueue.prototype;
  const { submit } = queues;
  let submitMs = 0;
  queues.submit = function (this: GPUQueue, buffers) {
    const started = performance.now();
    submit.call(this, buffers);
    submitMs += performance.now() - started;
    return undefined;
  };
  try {
    const started = performance.now();
    await work();
    return { ms: performance.now() - started, submitMs };
  } finally {
    queues.submit = submit;
  }
}

/** One dispatch of a plan, ready to be made again by itself. */
export interface Taken {
  /** Name of the kernel. */
  readonly name: string;
  readonly grid: readonly [number, number, number];
  readonly pipeline: GPUComputePipeline;
  readonly dispatch: (pass: GPUComputePassEncoder) => void;
}

/** The dispatches that `work` would submit, in order; none of them runs. */
export async function taking(gpu: Gpu, work: () => void | Promise<void>): Promise<Taken[]> {
  const { device } = gpu;
  const taken: Taken[] = [];
  const make = device.createCommandEncoder.bind(device);
  let pipeline: GPUComputePipeline;
  let group: GPUBindGroup;
  const pass = {
    setPipeline: (p: GPUComputePipeline) => void (pipeline = p),
    setBindGroup: (_: number, g: GPUBindGroup) => void (group = g),
    dispatchWorkgroups: (x: number, y = 1, z = 1) => {
      const [p, g] = [pipeline, group];
      const dispatch = (real: GPUComputePassEncoder): void => {
        real.setPipeline(p);
        real.setBindGroup(0, g);
        real.dispatchWorkgroups(x, y, z);
      };
      taken.push({ name: g.label, grid: [x, y, z], pipeline: p, dispatch });
    },
    end: () => undefined,
  };
  Object.defineProperty(device, "createCommandEncoder", {
    configurable: true,
    value: () => ({ beginComputePass: () => pass, finish: () => make().finish() }),
  });
  try {
    await work();
  } finally {
    Reflect.deleteProperty(device, "createCommandEncoder");
  }
  return taken;
}
