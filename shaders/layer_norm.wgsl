// LayerNorm: mean[n] = mean_d x[n,d];  rstd[n] = 1 / sqrt(mean_d (x[n,d] - mean[n])^2 + eps)
//            y[n,d] = (x[n,d] - mean[n]) * rstd[n] * w[d] + b[d]
// x, y: [n_rows, d_model]; w, b: [d_model]; mean, rstd: [n_rows]. One workgroup per row.
// Source: Ba et al. 2016 (arXiv 1607.06450).   Twin: gpu/ops/layer_norm.ts `layerNormTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_model: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_model;
  var sum = 0.0;
  for (var d = lid; d < u.d_model; d += WG_SIZE) { sum += x[base + d]; }
  let centre = workgroup_sum(lid, sum) / f32(u.d_model);
  var sq = 0.0;
  for (var d = lid; d < u.d_model; d += WG_SIZE) { let v = x[base + d] - centre; sq += v * v; }
  let scale = inverseSqrt(workgroup_sum(lid, sq) / f32(u.d_model) + u.eps);
  for (var d = lid; d < u.d_model; d += WG_SIZE) { y[base + d] = (x[base + d] - centre) * scale * w[d] + b[d]; }
  if (lid == 0u) { mean[row] = centre; rstd[row] = scale; }
}
