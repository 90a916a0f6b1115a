// RMSNorm, gradient of the input: with g = w * dy,  dx = rstd * g - x * rstd^3 * mean_d(g * x)
// x, dy, dx: [n_rows, d_model]; w: [d_model]; rstd: [n_rows]. One workgroup per row.
// Twin: gpu/ops/rms_norm.ts `rmsNormBackwardTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_model: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_model;
  var dot = 0.0;
  for (var d = lid; d < u.d_model; d += WG_SIZE) { dot += w[d] * dy[base + d] * x[base + d]; }
  let scale = rstd[row];
  let pull = workgroup_sum(lid, dot) / f32(u.d_model) * scale * scale * scale;
  for (var d = lid; d < u.d_model; d += WG_SIZE) { dx[base + d] = scale * w[d] * dy[base + d] - x[base + d] * pull; }
}
