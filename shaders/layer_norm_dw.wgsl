// LayerNorm, gradient of the gain: dw[d] = sum_n dy[n,d] * (x[n,d] - mean[n]) * rstd[n]
// x, dy: [n_rows, d_model]; mean, rstd: [n_rows]; dw: [d_model]. One workgroup per 8 columns, WG_SIZE / 8 row lanes.
// Twin: gpu/ops/layer_norm.ts `layerNormBackwardTwin`.
override WG_SIZE: u32 = 64;
const N_COLS = 8u;

struct Uniforms { n_rows: u32, d_model: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

var<workgroup> partial: array<f32, WG_SIZE>;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let col = (wg.x + wg.y * nwg.x) * N_COLS + lid % N_COLS;
  var sum = 0.0;
  if (col < u.d_model) {
    for (var row = lid / N_COLS; row < u.n_rows; row += WG_SIZE / N_COLS) {
      let i = row * u.d_model + col;
      sum += dy[i] * (x[i] - mean[row]) * rstd[row];
    }
  }
  partial[lid] = sum;
  workgroupBarrier();
  if (lid < N_COLS && col < u.d_model) {
    for (var lane = lid + N_COLS; lane < WG_SIZE; lane += N_COLS) { sum += partial[lane]; }
    dw[col] = sum;
  }
}
