// y[i] = a[i] + scale * b[i mod n_b]   (b broadcast over the leading axes)
// a, y: [n]; b: [n_b], n_b divides n.   Twin: gpu/ops/add.ts `addTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_b: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = a[i] + u.scale * b[i % u.n_b]; }
}
