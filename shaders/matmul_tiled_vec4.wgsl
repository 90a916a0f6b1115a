// Matrix product by workgroup tiles, vector loads: y[g,m,n] = sum_k a[g,m,k] * b[g,k,n] (+ bias[n]) (+ add_to[g,m,n]).
// a: [n_g, m, k], or [n_g, k, m] when TRANSPOSE_A; b: [n_g, k, n], or [n_g, n, k] when TRANSPOSE_B;
// bias: [n]; add_to, y: [n_z, m, n] (n_z = n_g * splits: each split sums its own k_chunk of k, unfinished).
// The innermost axes of a and b must be multiples of 4; a_batch and b_batch are so then.
// Grid: n / 64, m / TILE_M, n_z. k_chunk is a multiple of 16 unless it is k.   Twin: gpu/ops/matmul.ts `matmulTwin`.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

struct Uniforms { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32, splits: u32, k_chunk: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> add_to: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

fn fetch_a(base: u32, outer: u32, inner: u32) -> vec4f {
  let width = select(u.k, u.m, TRANSPOSE_A);
  let is_inside = inner < width && outer < select(u.m, u.k, TRANSPOSE_A);
  return select(vec4f(), a[(base + outer * width + inner) / 4u], is_inside);
}

fn fetch_b(base: u32, outer: u32, inner: u32) -> vec4f {
  let width = select(u.n, u.k, TRANSPOSE_B);
  let is_inside = inner < width && outer < select(u.k, u.n, TRANSPOSE_B);
  return select(vec4f(), vec4f(b[(base + outer * width + inner) / 4u]), is_inside);
}

#import matmul_tile
