// decode_gate_up for any d_in. Norm, both input products of the MLP and SwiGLU, for a few rows. With n = norm_weight * x / sqrt(mean(x^2) + eps):
//   y[b,f] = silu(sum_d w[f,d] * n[b,d]) * sum_d w[d_mlp+f,d] * n[b,d],  silu(a) = a / (1 + exp(-a))
// x: [n_batch, d_in] f32; norm_weight: [d_in] f32; w: [2 d_mlp, d_in] elem, gate rows first; y: [n_batch, d_mlp] f32;
// d_in a multiple of 4. Source: Shazeer 2020 (arXiv 2002.05202), eq. 6.
// Twin: gpu/ops/decode_gate_up.ts `decodeGateUpTwin`.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> norm_weight: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<elem>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;

#import decode_load_unaligned
#import decode_norm_unaligned
#import decode_gate_up_body
