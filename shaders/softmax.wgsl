// Softmax of each row: y[n,v] = exp(x[n,v] - m) / sum_w exp(x[n,w] - m), m = max_w x[n,w]
// or, with IS_LOG = 1, its logarithm: y[n,v] = x[n,v] - m - log(sum_w exp(x[n,w] - m))
// x, y: [n_rows, n_cols]. One workgroup per row, two passes over it.   Twin: gpu/ops/softmax.ts `softmaxTwin`.
override WG_SIZE: u32 = 64;
override IS_LOG: u32 = 0;

struct Uniforms { n_rows: u32, n_cols: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce
#import log_sum_exp

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.n_cols;
  var mine = running_sum_start();
  for (var v = lid; v < u.n_cols; v += WG_SIZE) { mine = running_sum_add(mine, x[base + v]); }
  let all = running_sum_all(lid, mine);
  let log_sum = log(all.sum);
  for (var v = lid; v < u.n_cols; v += WG_SIZE) {
    let z = x[base + v] - all.max;
    if (IS_LOG == 1u) { y[base + v] = z - log_sum; } else { y[base + v] = exp(z) / all.sum; }
  }
}
