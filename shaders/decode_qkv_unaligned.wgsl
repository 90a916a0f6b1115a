// decode_qkv for any d_in. Norm, query, key and value products, RoPE and cache write, for a few rows at one position.
//   n = norm_weight * x / sqrt(mean(x^2) + eps);  z[r] = sum_d w[r,d] * n[d] (+ bias[r])
//   rows of w: n_head query heads, n_kv_head key heads, n_kv_head value heads, d_head rows each.
//   RoPE on query and key heads, half rotation, (c, s) = rope[position, i]:
//   (z[i], z[i+d_head/2]) -> (z[i] c - z[i+d_head/2] s, z[i+d_head/2] c + z[i] s)
// x: [n_batch, d_in] f32; norm_weight: [d_in] f32; w: [(n_head + 2 n_kv_head) d_head, d_in] elem; bias: [rows of w] f32
// (read where HAS_BIAS = 1); rope: [n_positions, d_head/2, 2] f32; q: [n_batch, n_head d_head] f32; k, v: [n_batch,
// n_kv_head, n_slots, d_head] f32, of which only slot `slot` is written.
// Source: Su et al. 2021 (arXiv 2104.09864), eq. 34, in the half-rotation layout of Hugging Face.
// Twin: gpu/ops/decode_qkv.ts `decodeQkvTwin`.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> norm_weight: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<elem>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> rope: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> q: array<f32>;
@group(0) @binding(6) var<storage, read_write> k: array<f32>;
@group(0) @binding(7) var<storage, read_write> v: array<f32>;
@group(0) @binding(8) var<uniform> u: Uniforms;

#import decode_load_unaligned
#import decode_norm_unaligned
#import decode_qkv_body
