/**
 * Counter-based random numbers: the value at (seed, stream, index) is a pure function, so the same bits
 * come out here and in `shaders/shared/pcg4d.wgsl`, in any order and on any device.
 *
 * Source: `pcg4d` of Jarzynski & Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
 */

/** Four u32 → four u32. */
export function pcg4d(x: number, y: number, z: number, w: number): [number, number, number, number] {
  const mul = Math.imul;
  x = (mul(x, 1664525) + 1013904223) >>> 0;
  y = (mul(y, 1664525) + 1013904223) >>> 0;
  z = (mul(z, 1664525) + 1013904223) >>> 0;
  w = (mul(w, 1664525) + 1013904223) >>> 0;
  x = (x + mul(y, w)) >>> 0;
  y = (y + mul(z, x)) >>> 0;
  z = (z + mul(x, y)) >>> 0;
  w = (w + mul(y, z)) >>> 0;
  x = (x ^ (x >>> 16)) >>> 0;
  y = (y ^ (y >>> 16)) >>> 0;
  z = (z ^ (z >>> 16)) >>> 0;
  w = (w ^ (w >>> 16)) >>> 0;
  x = (x + mul(y, w)) >>> 0;
  y = (y + mul(z, x)) >>> 0;
  z = (z + mul(x, y)) >>> 0;
  w = (w + mul(y, z)) >>> 0;
  return [x, y, z, w];
}

/** u32 → float in [0, 1) with 24 random bits: exact in f32, so CPU and GPU agree bit for bit. */
export const unitFloat = (bits: number): number => (bits >>> 8) * 2 ** -24;

/** Uniform in [0, 1) at `index` of `stream`; the GPU's `random_uniform` gives the same bits. */
export function uniformAt(seed: number, stream: number, index: number): number {
  return unitFloat(pcg4d(seed, stream, index, 0)[0]);
}

/**
 * Near-normal (mean 0, variance 1) at `index` of `stream`: the sum of twelve 16-bit uniforms, centred
 * (Irwin-Hall, support ±6). Integer arithmetic up to one exact scaling, so CPU and GPU agree bit for bit;
 * Box-Muller would not, since `log` and `cos` differ between devices.
 */
export function normalAt(seed: number, stream: number, index: number): number {
  const a = pcg4d(seed, stream, index, 1);
  const b = pcg4d(seed, stream, index, 2);
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += (a[i]! & 0xffff) + (a[i]! >>> 16);
  for (let i = 0; i < 2; i++) sum += (b[i]! & 0xffff) + (b[i]! >>> 16);
  return (sum - 393210) / 65536;
}

/** A sequence of draws from one stream; give every use its own stream name or number. */
export class Random {
  readonly seed: number;
  readonly stream: number;
  private index = 0;

  constructor(seed: number, stream: number | string = 0) {
    this.seed = seed >>> 0;
    this.stream = typeof stream === "string" ? hashString(stream) : stream >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    return uniformAt(this.seed, this.stream, this.index++);
  }

  /** Integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Near-normal with mean 0 and variance 1. */
  normal(): number {
    return normalAt(this.seed, this.stream, this.index++);
  }

  /** One item of a non-empty list. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  /** `n` distinct items in random order. */
  sample<T>(items: readonly T[], n: number): T[] {
    return this.shuffle(items).slice(0, n);
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = items.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
}

/** FNV-1a over UTF-16 code units, as u32: a stable number for a name. */
export function hashString(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h;
}
