import type { Variant } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** A uniform whose value is given at each run of the plan instead of when it is recorded. */
export class Dynamic {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** One recorded dispatch. */
export interface Step {
  readonly variant: Variant;
  readonly tensors: readonly Tensor[];
  readonly uniforms: readonly (number | Dynamic)[];
  readonly grid: readonly [number, number, number];
}
