// Few rows times a transposed matrix: y[g,m,n] = sum_k a[g,m,k] * b[g,n,k] (+ bias[n]) (+ add_to[g,m,n]).
// a: [n_g, m, k] f32 and b: [n_g, n, k] f32 or f16, both read as vec4 (k a multiple of 4); bias: [n]; add_to, y: [n_g, m, n].
// LANES neighbouring invocations share one output column, each taking every LANES-th vec4 of k, and add up
// their parts in workgroup memory; with LANES = 1 there is neither barrier nor workgroup memory. An invocation
// carries ROWS (1 to 4) rows of a, so b is read once for all of them.
// Grid: n / (WG_SIZE / LANES), m / ROWS, n_g.
// Twin: gpu/ops/matmul.ts `matmulTwin` with transposeB.
override WG_SIZE: u32 = 64;
override LANES: u32 = 16;
override ROWS: u32 = 1;

struct Uniforms { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> add_to: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import matmul_store

var<workgroup> partial: array<vec4f, WG_SIZE>;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let lane = lid % LANES;
  let col = wg.x * (WG_SIZE / LANES) + lid / LANES;
  let row = wg.y * ROWS;
  let k4 = u.k / 4u;
  let at_b = (wg.z * u.b_batch) / 4u + min(col, u.n - 1u) * k4;
  let at_a = vec4u((wg.z * u.a_batch) / 4u) + min(row + vec4u(0u, 1u, 2u, 3u), vec4u(u.m - 1u)) * k4;
  var sum = vec4f();
  for (var k = lane; k < k4; k += LANES) {
    let w = vec4f(b[at_b + k]);
    sum.x += dot(w, a[at_a.x + k]);
    if (ROWS > 1u) { sum.y += dot(w, a[at_a.y + k]); }
    if (ROWS > 2u) { sum.z += dot(w, a[at_a.z + k]); }
    if (ROWS > 3u) { sum.w += dot(w, a[at_a.w + k]); }
  }
  if (LANES > 1u) {
    partial[lid] = sum;
    workgroupBarrier();
    for (var s = LANES / 2u; s > 0u; s /= 2u) {
      if (lane < s) { partial[lid] += partial[lid + s]; }
      workgroupBarrier();
    }
    sum = partial[lid];
  }
  if (lane == 0u && col < u.n) {
    var rows = sum;
    for (var i = 0u; i < ROWS && row + i < u.m; i++) { store(wg.z, row + i, col, rows[i]); }
  }
}
