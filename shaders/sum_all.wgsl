// Sum of an array in chunks: y[g] = sum of the elements of chunk g; element i is of chunk (i / WG_SIZE) mod n_groups
// x: [n]; y: [n_groups]. One workgroup per chunk; with n_groups = 1 it is the whole sum.
// Twin: gpu/ops/reduce_all.ts `sumAllTwin`.
override WG_SIZE: u32 = 256;

struct Uniforms { n: u32, n_groups: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lid: u32) {
  var sum = 0.0;
  for (var i = wg.x * WG_SIZE + lid; i < u.n; i += u.n_groups * WG_SIZE) { sum += x[i]; }
  let total = workgroup_sum(lid, sum);
  if (lid == 0u) { y[wg.x] = total; }
}
