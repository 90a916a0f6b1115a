// Matrix product from registers only: y[g,m,n] = sum_k a[g,m,k] * b[g,k,n] (+ bias[n]) (+ add_to[g,m,n]).
// a: [n_g, m, k], or [n_g, k, m] when TRANSPOSE_A; b: [n_g, k, n], or [n_g, n, k] when TRANSPOSE_B;
// bias: [n]; add_to, y: [n_z, m, n] (n_z = n_g * splits: each split sums its own k_chunk of k, unfinished).
// One invocation computes ROWS x 8 elements of y: per k it loads ROWS + 8 numbers and does 8 * ROWS
// multiply-adds. No barrier and no workgroup memory, which adapters that compute on the CPU pay dearly for.
// ROWS is 4 or 8; rows and columns past the edge repeat the last one and are not stored.
// Grid: n / (8 WG_X), m / (ROWS WG_Y), n_z.   Twin: gpu/ops/matmul.ts `matmulTwin`.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override ROWS: u32 = 8;
override WG_X: u32 = 4;
override WG_Y: u32 = 4;

struct Uniforms { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32, splits: u32, k_chunk: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<elem>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> add_to: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import matmul_store

fn fetch_a(at: vec4u) -> vec4f { return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]); }
fn fetch_b(at: vec4u) -> vec4f { return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w])); }

@compute @workgroup_size(WG_X, WG_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let row = (wg.y * WG_Y + lid.y) * ROWS;
  let col = (wg.x * WG_X + lid.x) * 8u;
  if (row >= u.m || col >= u.n) { return; }
  let g = wg.z / u.splits;
  let first = (wg.z % u.splits) * u.k_chunk;
  let last = min(first + u.k_chunk, u.k);

  // Elements from one row (column) of a (b) to the next, and from one k to the next.
  let a_step = select(u.k, 1u, TRANSPOSE_A);
  let a_k = select(1u, u.m, TRANSPOSE_A);
  let b_step = select(1u, u.k, TRANSPOSE_B);
  let b_k = select(u.n, 1u, TRANSPOSE_B);
  let four = vec4u(0u, 1u, 2u, 3u);
  let last_row = vec4u(u.m - 1u);
  let last_col = vec4u(u.n - 1u);
  let a0 = g * u.a_batch + min(row + four, last_row) * a_step;
  let a1 = g * u.a_batch + min(row + 4u + four, last_row) * a_step;
  let b0 = g * u.b_batch + min(col + four, last_col) * b_step;
  let b1 = g * u.b_batch + min(col + 4u + four, last_col) * b_step;

  var y00 = mat4x4f(); var y01 = mat4x4f();
  var y10 = mat4x4f(); var y11 = mat4x4f();
  for (var k = first; k < last; k++) {
    let left = fetch_b(b0 + k * b_k);
    let right = fetch_b(b1 + k * b_k);
    let x0 = fetch_a(a0 + k * a_k);
    y00 += outer(x0, left); y01 += outer(x0, right);
    if (ROWS > 4u) {
      let x1 = fetch_a(a1 + k * a_k);
      y10 += outer(x1, left); y11 += outer(x1, right);
    }
  }
  store_block(wg.z, row, col, y00);
  store_block(wg.z, row, col + 4u, y01);
  if (ROWS > 4u) {
    store_block(wg.z, row + 4u, col, y10);
    store_block(wg.z, row + 4u, col + 4u, y11);
  }
}
