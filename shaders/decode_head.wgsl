// Final norm and head, for a few rows: y[b,r] = sum_d w[r,d] * norm_weight[d] * x[b,d] / sqrt(mean_d(x[b,d]^2) + eps)
// x: [n_batch, d_in] f32; norm_weight: [d_in] f32; w: [n_rows, d_in] elem; y (logits): [n_batch, n_rows] f32;
// n_rows = d_vocab; d_in a multiple of 4. Twin: gpu/ops/decode_head.ts `decodeHeadTwin`.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> norm_weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<vec4<elem>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;

#import decode_load
#import decode_norm
#import decode_head_body
