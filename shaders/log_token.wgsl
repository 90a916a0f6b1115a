// log[index, b] = (id[b], bits of logprob[b]): the record of what was decoded, read once at the end.
// ids: [B]; logprobs: [B]; log: [capacity, B, 2] u32.   Twin: none needed, the formula is the test.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, index: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> logprobs: array<f32>;
@group(0) @binding(2) var<storage, read_write> log: array<u32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let b = id.x;
  if (b >= u.n) { return; }
  log[(u.index * u.n + b) * 2u] = ids[b];
  log[(u.index * u.n + b) * 2u + 1u] = bitcast<u32>(logprobs[b]);
}
