// One number per row: y[n] = scale * sum_d x[n,d]   or, with IS_MAX = 1,   y[n] = scale * max_d x[n,d]
// x: [n_rows, n_cols]; y: [n_rows]. One workgroup per row.   Twin: gpu/ops/reduce_rows.ts `rowSumTwin`, `rowMaxTwin`.
override WG_SIZE: u32 = 64;
override IS_MAX: u32 = 0;

struct Uniforms { n_rows: u32, n_cols: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.n_cols;
  var result = 0.0;
  if (IS_MAX == 1u) {
    var most = x[base];
    for (var d = lid; d < u.n_cols; d += WG_SIZE) { most = max(most, x[base + d]); }
    result = workgroup_max(lid, most);
  } else {
    var sum = 0.0;
    for (var d = lid; d < u.n_cols; d += WG_SIZE) { sum += x[base + d]; }
    result = workgroup_sum(lid, sum);
  }
  if (lid == 0u) { y[row] = u.scale * result; }
}
