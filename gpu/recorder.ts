import { LabError } from "../lib/errors.ts";
import type { Gpu } from "./gpu.ts";
import type { Kernel } from "./kernel.ts";
import { add } from "./ops/add.ts";
import { fill } from "./ops/fill.ts";
import { Plan } from "./plan.ts";
import { Dynamic, type Step } from "./step.ts";
import { type Backward, Tape } from "./tape.ts";
import { type DType, Storage, shapeText, Tensor, tensorBytes } from "./tensor.ts";

export interface Dispatch<B extends string, U extends string> {
  readonly bind: Readonly<Record<B, Tensor>>;
  readonly uniforms?: Readonly<Record<U, number | Dynamic>>;
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number?, number?];
  /** Values of the kernel's `override`s. */
  readonly constants?: Readonly<Record<string, number>>;
}

/**
 * Takes down what ops do, in order: dispatches over tensors that have no memory yet, and the tape of how to
 * differentiate them. `finish` lays the memory out by lifetime and gives a Plan.
 */
export class Recorder {
  readonly gpu: Gpu;
  readonly label: string;
  private readonly steps: Step[] = [];
  private readonly tape = new Tape();
  private readonly written = new Set<Storage>();
  private isFinished = false;

  constructor(gpu: Gpu, label: string) {
    this.gpu = gpu;
    this.label = label;
  }

  /** A tensor for an op to write; its memory is planned. */
  empty(shape: readonly number[], dtype: DType, label: string): Tensor {
    return new Tensor(new Storage(tensorBytes(shape, dtype), label), shape, dtype);
  }

  /** Marks a result to be readable after the plan has run. */
  keep(tensor: Tensor): Tensor {
    tensor.storage.kept = true;
    return tensor;
  }

  /** A uniform set at each run: `plan.run({ [name]: value })`. */
  dynamic(name: string): Dynamic {
    return new Dynamic(name);
  }

  /** The same elements under another shape; no work. */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    const view = new Tensor(tensor.storage, shape, tensor.dtype);
    if (view.size !== tensor.size) {
      throw new LabError("shape", `reshape: ${shapeText(tensor)} has ${tensor.size} elements, ${shapeText(view)} has ${view.size}`);
    }
    this.onBackward(view, [tensor], (dy) => [this.reshape(dy, tensor.shape)]);
    return view;
  }

  dispatch<B extends string, U extends string>(kernel: Kernel<B, U>, args: Dispatch<B, U>): void {
    const names = Object.keys(kernel.bindings) as B[];
    const tensors = names.map((name) => args.bind[name]);
    const [x, y = 1, z = 1] = args.grid;
    if (tensors.some((t) => t.size === 0) || x * y * z === 0) return;
    this.checkBindings(kernel, names, tensors);
    const max = this.gpu.device.limits.maxComputeWorkgroupsPerDimension;
    if (Math.max(x, y, z) > max) {
      throw new LabError("shape", `${kernel.name}: grid ${x}×${y}×${z} exceeds ${max} workgroups in one dimension`);
    }
    const elem = kernel.elem !== undefined && args.bind[kernel.elem].dtype === "f16" ? "f16" : "f32";
    const uniforms = (Object.keys(kernel.uniforms) as U[]).map((name) => {
      const value = args.uniforms?.[name];
      if (value === undefined) throw new LabError("internal", `${kernel.name}: uniform ${name} has no value`);
      return value;
    });
    this.steps.push({
      variant: { kernel: kernel as Kernel, elem, constants: args.constants ?? {} },
      tensors,
      uniforms,
      grid: [x, y, z],
    });
  }

  /** Called by an op after its dispatches: how the gradient of `output` gives those of `inputs`. */
  onBackward(output: Tensor, inputs: readonly Tensor[], backward: Backward): void {
    this.tape.add(output, inputs, backward);
  }

  /** Declares parameters whose gradients `gradients` will be asked for. Call before the ops that use them. */
  track(...tensors: Tensor[]): void {
    this.tape.track(...tensors);
  }

  isTracked(tensor: Tensor): boolean {
    return this.tape.isTracked(tensor);
  }

  /** Records the backward pass of a one-element `loss`. A parameter that does not influence it gets zeros. */
  gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
    if (loss.size !== 1) throw new LabError("shape", `gradients: loss is ${shapeText(loss)}, expected one element`);
    return this.gradientsFrom(loss, fill(this, loss.shape, 1), wrt);
  }

  /** As `gradients`, for an output of any shape whose own gradient `dy` is given. */
  gradientsFrom(output: Tensor, dy: Tensor, wrt: readonly Tensor[]): Tensor[] {
    return this.tape
      .gradients(output, dy, wrt, (a, b) => add(this, a, b))
      .map((g, i) => g ?? fill(this, wrt[i]!.shape, 0));
  }

  finish(): Promise<Plan> {
    if (this.isFinished) throw new LabError("internal", `${this.label}: recorder already finished`);
    this.isFinished = true;
    return Plan.create(this.gpu, this.label, this.steps);
  }

  private checkBindings(kernel: Kernel, names: readonly string[], tensors: readonly Tensor[]): void {
    tensors.forEach((tensor, i) => {
      const { storage } = tensor;
      const isWrite = kernel.bindings[names[i]!] === "read_write";
      if (!isWrite && !storage.resident && !this.written.has(storage)) {
        throw new LabError("internal", `${kernel.name}: ${names[i]} (${tensor.label}) is read before anything writes it`);
      }
      if (isWrite && tensors.some((other, j) => j !== i && other.storage === storage)) {
        throw new LabError("internal", `${kernel.name}: ${names[i]} (${tensor.label}) is bound twice, once for writing`);
      }
    });
    tensors.forEach((tensor, i) => {
      if (kernel.bindings[names[i]!] === "read_write") this.written.add(tensor.storage);
    });
  }
}
