import type { Tensor } from "./tensor.ts";

/**
 * Gradients of an op's inputs from the gradient of its output; `null` where `needs` says none is wanted.
 * Called while recording, so it records dispatches like any op.
 */
export type Backward = (dy: Tensor, needs: readonly boolean[]) => readonly (Tensor | null)[];

interface Node {
  readonly output: Tensor;
  readonly inputs: readonly Tensor[];
  readonly backward: Backward;
}

/** The record of differentiable ops: enough to walk them backwards, nothing more. */
export class Tape {
  private readonly tracked = new Set<Tensor>();
  private readonly nodes: Node[] = [];

  /** Declares a tensor whose gradient will be asked for. */
  track(...tensors: Tensor[]): void {
    for (const tensor of tensors) this.tracked.add(tensor);
  }

  isTracked(tensor: Tensor): boolean {
    return this.tracked.has(tensor);
  }

  /** Called by every differentiable op: remembered only when some input leads to a tracked tensor. */
  add(output: Tensor, inputs: readonly Tensor[], backward: Backward): void {
    if (!inputs.some((t) => this.tracked.has(t))) return;
    this.tracked.add(output);
    this.nodes.push({ output, inputs, backward });
  }

  /**
   * Reverse sweep from `output`, whose own gradient is `seed`. Returns the gradient of each tensor of
   * `wrt`, or null for one that does not influence `output`. `sum` records a + b.
   */
  gradients(
    output: Tensor,
    seed: Tensor,
    wrt: readonly Tensor[],
    sum: (a: Tensor, b: Tensor) => Tensor,
  ): (Tensor | null)[] {
    const gradient = new Map<Tensor, Tensor>([[output, seed]]);
    const wanted = new Set(wrt);
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i]!;
      const dy = gradient.get(node.output);
      if (dy === undefined) continue;
      if (!wanted.has(node.output)) gradient.delete(node.output);
      const needs = node.inputs.map((t) => this.tracked.has(t));
      const grads = node.backward(dy, needs);
      node.inputs.forEach((input, k) => {
        const g = grads[k];
        if (!needs[k] || g === null || g === undefined) return;
        const before = gradient.get(input);
        gradient.set(input, before === undefined ? g : sum(before, g));
      });
    }
    return wrt.map((t) => gradient.get(t) ?? null);
  }
}
