// dx[i] = dy[i] * f'(x[i]).   x, dy, dx: [n].   Which f, see shared/activations.wgsl. One invocation per element.
// Twin: gpu/ops/activation.ts `activationSlope`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import activations

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { dx[i] = dy[i] * activation_slope(x[i]); }
}
