// decode_attention for any d_head; the last quad of a head is filled up with zeros.
//   y[b,h] = sum_s p[s] v[b,g,s],  p = softmax_s(scale * q[b,h] . k[b,g,s]),  g = floor(h / (n_head / n_kv_head))
// q, y: [n_batch, n_head, d_head] f32; k, v: [n_batch, n_kv_head, n_slots, d_head] f32.
// Twin: gpu/ops/decode_attention.ts `decodeAttentionTwin`.
@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;

fn n_quads() -> u32 { return (u.d_head + 3u) / 4u; }
fn row_size() -> u32 { return u.d_head; }
fn lanes(quad: u32) -> vec4u { return quad * 4u + vec4u(0u, 1u, 2u, 3u); }
fn places(start: u32, quad: u32) -> vec4u { return start + min(lanes(quad), vec4u(u.d_head - 1u)); }
fn query4(start: u32, quad: u32) -> vec4f {
  let i = places(start, quad);
  return select(vec4f(), vec4f(q[i.x], q[i.y], q[i.z], q[i.w]), lanes(quad) < vec4u(u.d_head));
}
fn key4(start: u32, quad: u32) -> vec4f {
  let i = places(start, quad);
  return vec4f(k[i.x], k[i.y], k[i.z], k[i.w]);
}
fn value4(start: u32, quad: u32) -> vec4f {
  let i = places(start, quad);
  return vec4f(v[i.x], v[i.y], v[i.z], v[i.w]);
}
fn store4(start: u32, quad: u32, value: vec4f) {
  for (var i = 0u; i < min(4u, u.d_head - quad * 4u); i++) { y[start + quad * 4u + i] = value[i]; }
}

#import decode_attention_body
