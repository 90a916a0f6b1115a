// Inner product of two arrays in chunks: y[g] = sum over the elements of chunk g of a * b
// Element i belongs to chunk (i / WG_SIZE) mod n_groups. a, b: [n] (may be the same array); y: [n_groups].
// One workgroup per chunk; with n_groups = 1 it is the whole sum.   Twin: gpu/ops/dot_all.ts `dotAllTwin`.
override WG_SIZE: u32 = 256;

struct Uniforms { n: u32, n_groups: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lid: u32) {
  var sum = 0.0;
  for (var i = wg.x * WG_SIZE + lid; i < u.n; i += u.n_groups * WG_SIZE) { sum += a[i] * b[i]; }
  let total = workgroup_sum(lid, sum);
  if (lid == 0u) { y[wg.x] = total; }
}
