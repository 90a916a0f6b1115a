// y[i] = mean + deviation * normal(seed, stream, i): near-normal, the centred sum of twelve 16-bit uniforms.   y: [n].
// Integers up to one exact scaling; lib/random.ts `normalAt` gives the same bits.
// Twin: gpu/ops/random.ts `randomNormalTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, seed: u32, stream: u32, mean: f32, deviation: f32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> u: Uniforms;

#import pcg4d

fn halves(v: vec4u) -> vec4u { return (v & vec4u(0xffffu)) + (v >> vec4u(16u)); }

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let a = halves(pcg4d(vec4u(u.seed, u.stream, i, 1u)));
  let b = halves(pcg4d(vec4u(u.seed, u.stream, i, 2u)));
  let sum = i32(a.x + a.y + a.z + a.w + b.x + b.y);
  y[i] = u.mean + u.deviation * (f32(sum - 393210) * 0x1p-16);
}
