// Second stage of a split sum: y[g,m,n] = sum_s parts[g,s,m,n] (+ bias[n]) (+ add_to[g,m,n]), s in order, so that
// the result is the same on every run. parts: [n_g, splits, m, n]; bias: [n]; add_to, y: [n_g, m, n].
// One invocation per element; grid: m * n / WG_SIZE folded into x and y, n_g in z.
// Twin: gpu/ops/matmul.ts `matmulTwin` (of the whole product).
override WG_SIZE: u32 = 64;

struct Uniforms { m: u32, n: u32, splits: u32 }

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> add_to: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;

#import matmul_store

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let size = u.m * u.n;
  if (i >= size) { return; }
  var sum = 0.0;
  for (var s = 0u; s < u.splits; s++) { sum += parts[(wg.z * u.splits + s) * size + i]; }
  store(wg.z, i / u.n, i % u.n, sum);
}
