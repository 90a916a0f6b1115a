// y[i] = x[i] rounded to f16, values beyond it to its largest (65504).   x: [n], f32; y: [n], f16.
// The language leaves the rounding mode open.   Twin: lib/half.ts `floatToHalf`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<elem>;
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = elem(clamp(x[i], -65504.0, 65504.0)); }
}
