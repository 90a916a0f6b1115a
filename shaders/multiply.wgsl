// y[i] = a[i] * b[(i / span) mod n_b]
//   span = 1: b is broadcast over the leading axes of a;  span = width of a: one factor per row;
//   n_b = 1: one factor for everything.
// a, y: [n]; b: [n_b].   Twin: gpu/ops/multiply.ts `multiplyTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_b: u32, span: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = a[i] * b[i / u.span % u.n_b]; }
}
