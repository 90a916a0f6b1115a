// LayerNorm, gradient of the input: with g = w * dy and h = (x - mean) * rstd,
//   dx = rstd * (g - mean_d(g) - h * mean_d(g * h))
// x, dy, dx: [n_rows, d_model]; w: [d_model]; mean, rstd: [n_rows]. One workgroup per row.
// Twin: gpu/ops/layer_norm.ts `layerNormBackwardTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_model: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_model;
  let centre = mean[row];
  let scale = rstd[row];
  var sum = 0.0;
  var dot = 0.0;
  for (var d = lid; d < u.d_model; d += WG_SIZE) {
    let g = w[d] * dy[base + d];
    sum += g;
    dot += g * (x[base + d] - centre) * scale;
  }
  let g_mean = workgroup_sum(lid, sum) / f32(u.d_model);
  let gh_mean = workgroup_sum(lid, dot) / f32(u.d_model);
  for (var d = lid; d < u.d_model; d += WG_SIZE) {
    let h = (x[base + d] - centre) * scale;
    dx[base + d] = scale * (w[d] * dy[base + d] - g_mean - h * gh_mean);
  }
}
