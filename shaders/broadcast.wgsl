// y[i] = scale * x[(i / span) mod n_x]
//   span = 1: x over the leading axes of y;  span = width of y: one value per row;  n_x = 1: one value for everything.
// x: [n_x]; y: [n].   Twin: gpu/ops/broadcast.ts `broadcastTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_x: u32, span: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = u.scale * x[i / u.span % u.n_x]; }
}
