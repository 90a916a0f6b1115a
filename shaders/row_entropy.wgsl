// e[r] = -sum_j p[r,j] * ln p[r,j] in nats, zero terms left out.
// p: [n_rows, n_cols], rows sum to 1; e: [n_rows]. One workgroup per row.
// Twin: gpu/ops/attention_pattern.ts `rowEntropyTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, n_cols: u32 }

@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read_write> e: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  var sum = 0.0;
  for (var j = lid; j < u.n_cols; j += WG_SIZE) {
    let x = p[row * u.n_cols + j];
    if (x > 0.0) { sum -= x * log(x); }
  }
  let total = workgroup_sum(lid, sum);
  if (lid == 0u) { e[row] = total; }
}
