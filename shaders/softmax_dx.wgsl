// Gradient of softmax.wgsl from its output: dx[n,v] = y[n,v] * (dy[n,v] - sum_w dy[n,w] * y[n,w])
// or, with IS_LOG = 1:                      dx[n,v] = dy[n,v] - exp(y[n,v]) * sum_w dy[n,w]
// y, dy, dx: [n_rows, n_cols]. One workgroup per row.   Twin: gpu/ops/softmax.ts `softmaxBackwardTwin`.
override WG_SIZE: u32 = 64;
override IS_LOG: u32 = 0;

struct Uniforms { n_rows: u32, n_cols: u32 }

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.n_cols;
  var mine = 0.0;
  for (var v = lid; v < u.n_cols; v += WG_SIZE) { mine += dy[base + v] * select(y[base + v], 1.0, IS_LOG == 1u); }
  let sum = workgroup_sum(lid, mine);
  for (var v = lid; v < u.n_cols; v += WG_SIZE) {
    let i = base + v;
    if (IS_LOG == 1u) { dx[i] = dy[i] - exp(y[i]) * sum; } else { dx[i] = y[i] * (dy[i] - sum); }
  }
}
