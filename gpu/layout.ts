/** A block of memory needed from step `first` to step `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Layout {
  /** Slot of each lifetime, in the order given. */
  readonly slots: readonly number[];
  /** Bytes of each slot. */
  readonly slotBytes: readonly number[];
}

/**
 * Shares slots between blocks whose lifetimes do not overlap: largest block first, each into the smallest
 * slot that is free for the whole of its life ("greedy by size", Pisarchyk & Lee 2020, arXiv 2001.03288).
 * Slots are whole buffers, because WebGPU forbids binding one buffer for reading and writing at once.
 */
export function layOut(lifetimes: readonly Lifetime[]): Layout {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const slots = new Array<number>(lifetimes.length).fill(-1);
  const slotBytes: number[] = [];
  const tenants: Lifetime[][] = [];
  for (const i of order) {
    const life = lifetimes[i]!;
    let chosen = -1;
    for (let s = slotBytes.length - 1; s >= 0 && chosen < 0; s--) {
      if (tenants[s]!.every((other) => other.last < life.first || life.last < other.first)) chosen = s;
    }
    if (chosen < 0) {
      chosen = slotBytes.length;
      slotBytes.push(life.bytes);
      tenants.push([]);
    }
    tenants[chosen]!.push(life);
    slots[i] = chosen;
  }
  return { slots, slotBytes };
}
