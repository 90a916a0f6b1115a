// y[j] = sum_i x[i, j]: sum over the rows of a matrix (bias and gain gradients).
// x: [n_rows, n_cols]; y: [n_cols]. One workgroup per column block of 8 columns and WG_SIZE / 8 row lanes.
// Twin: gpu/ops/sum_rows.ts `sumRowsTwin`.
override WG_SIZE: u32 = 64;
const N_COLS = 8u;

struct Uniforms { n_rows: u32, n_cols: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

var<workgroup> partial: array<f32, WG_SIZE>;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let col = (wg.x + wg.y * nwg.x) * N_COLS + lid % N_COLS;
  var sum = 0.0;
  if (col < u.n_cols) {
    for (var row = lid / N_COLS; row < u.n_rows; row += WG_SIZE / N_COLS) { sum += x[row * u.n_cols + col]; }
  }
  partial[lid] = sum;
  workgroupBarrier();
  if (lid < N_COLS && col < u.n_cols) {
    for (var lane = lid + N_COLS; lane < WG_SIZE; lane += N_COLS) { sum += partial[lane]; }
    y[col] = sum;
  }
}
