// y[i] = low + span * uniform(seed, stream, i), uniform in [0, 1) with 24 bits.   y: [n].
// lib/random.ts `uniformAt` gives the same bits.   Twin: gpu/ops/random.ts `randomUniformTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, seed: u32, stream: u32, low: f32, span: f32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> u: Uniforms;

#import pcg4d

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[i] = u.low + u.span * unit_float(pcg4d(vec4u(u.seed, u.stream, i, 0u)).x); }
}
