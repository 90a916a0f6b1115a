// Matrix product, the definition: y[g,m,n] = sum_k a[g,m,k] * b[g,k,n]. One invocation per element of y.
// a: [n_g, m, k], or [n_g, k, m] when TRANSPOSE_A; b: [n_g, k, n], or [n_g, n, k] when TRANSPOSE_B; y: [n_g, m, n].
// a_batch, b_batch: elements from one matrix to the next (0: all g share one). Grid: n / 8, m / 8, n_g.
// Each element of y reads 2k numbers from memory: the faster kernels are ways to read them less often.
// Twin: gpu/ops/matmul.ts `matmulTwin`.
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

struct Uniforms { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let col = id.x;
  let row = id.y;
  if (row >= u.m || col >= u.n) { return; }
  var sum = 0.0;
  for (var k = 0u; k < u.k; k++) {
    let i = id.z * u.a_batch + select(row * u.k + k, k * u.m + row, TRANSPOSE_A);
    let j = id.z * u.b_batch + select(k * u.n + col, col * u.k + k, TRANSPOSE_B);
    sum += a[i] * f32(b[j]);
  }
  y[(id.z * u.m + row) * u.n + col] = sum;
}
