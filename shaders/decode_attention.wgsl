// Attention of one query per batch row over the first `length` = count + extra positions of a cache:
//   y[b,h] = sum_s p[s] v[b,g,s],  p = softmax_s(scale * q[b,h] . k[b,g,s]),  g = floor(h / (n_head / n_kv_head))
// q, y: [n_batch, n_head, d_head] f32; k, v: [n_batch, n_kv_head, n_slots, d_head] f32; d_head a multiple of 4.
// Source: Milakov & Gimelshein 2018 (arXiv 1805.02867), alg. 3; grouped heads: Ainslie et al. 2023 (arXiv 2305.13245).
// Twin: gpu/ops/decode_attention.ts `decodeAttentionTwin`.
@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> u: Uniforms;

fn n_quads() -> u32 { return u.d_head / 4u; }
fn row_size() -> u32 { return u.d_head / 4u; }
fn query4(start: u32, quad: u32) -> vec4f { return q[start + quad]; }
fn key4(start: u32, quad: u32) -> vec4f { return k[start + quad]; }
fn value4(start: u32, quad: u32) -> vec4f { return v[start + quad]; }
fn store4(start: u32, quad: u32, value: vec4f) { y[start + quad] = value; }

#import decode_attention_body
