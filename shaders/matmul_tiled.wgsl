// Matrix product by workgroup tiles, any sizes: y[g,m,n] = sum_k a[g,m,k] * b[g,k,n] (+ bias[n]) (+ add_to[g,m,n]).
// a: [n_g, m, k], or [n_g, k, m] when TRANSPOSE_A; b: [n_g, k, n], or [n_g, n, k] when TRANSPOSE_B;
// bias: [n]; add_to, y: [n_z, m, n] (n_z = n_g * splits: each split sums its own k_chunk of k, unfinished).
// Reads number by number; `matmul_tiled_vec4` is the same with vector loads.
// Grid: n / 64, m / TILE_M, n_z. k_chunk is a multiple of 16 unless it is k.   Twin: gpu/ops/matmul.ts `matmulTwin`.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

struct Uniforms { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32, splits: u32, k_chunk: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<elem>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> add_to: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

const four = vec4u(0u, 1u, 2u, 3u);

fn fetch_a(base: u32, outer: u32, inner: u32) -> vec4f {
  let width = select(u.k, u.m, TRANSPOSE_A);
  let i = base + outer * width + inner;
  let is_inside = (inner + four < vec4u(width)) & vec4<bool>(outer < select(u.m, u.k, TRANSPOSE_A));
  return select(vec4f(), vec4f(a[i], a[i + 1u], a[i + 2u], a[i + 3u]), is_inside);
}

fn fetch_b(base: u32, outer: u32, inner: u32) -> vec4f {
  let width = select(u.n, u.k, TRANSPOSE_B);
  let i = base + outer * width + inner;
  let is_inside = (inner + four < vec4u(width)) & vec4<bool>(outer < select(u.k, u.n, TRANSPOSE_B));
  return select(vec4f(), vec4f(f32(b[i]), f32(b[i + 1u]), f32(b[i + 2u]), f32(b[i + 3u])), is_inside);
}

#import matmul_tile
