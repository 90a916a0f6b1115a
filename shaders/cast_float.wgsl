// y[i] = x[i], widened exactly.   x: [n], f16; y: [n], f32.   Twin: lib/half.ts `halfToFloat`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<elem>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = f32(x[i]); }
}
