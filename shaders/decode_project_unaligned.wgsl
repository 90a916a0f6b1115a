// decode_project for any d_in: y[b,r] = residual[b,r] + sum_d x[b,d] * w[r,d]
// x: [n_batch, d_in] f32; w: [n_rows, d_in] elem; residual, y: [n_batch, n_rows] f32.
// Twin: gpu/ops/decode_project.ts `decodeProjectTwin`.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<elem>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;

#import decode_load_unaligned
#import decode_project_body
