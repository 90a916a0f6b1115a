// Negative log-likelihood of one target per row, times a sign:
//   lse[n] = log(sum_v exp(logits[n,v]));   y[n] = sign * (lse[n] - logits[n, targets[n]])
// Rows of weight 0, and rows whose target is no column, are skipped: y = 0 and lse = 1e30, which marks them.
// logits: [n_rows, d_vocab]; targets, weights, y, lse: [n_rows]. One workgroup per row, one pass over it.
// Source: methods reference 1.1.   Twin: gpu/ops/cross_entropy.ts `nllTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_vocab: u32, sign: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import reduce
#import log_sum_exp

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let target_id = targets[row];
  if (weights[row] == 0.0 || target_id >= u.d_vocab) {
    if (lid == 0u) { y[row] = 0.0; lse[row] = 1e30; }
    return;
  }
  let base = row * u.d_vocab;
  var mine = running_sum_start();
  for (var v = lid; v < u.d_vocab; v += WG_SIZE) { mine = running_sum_add(mine, logits[base + v]); }
  let all = running_sum_all(lid, mine);
  if (lid == 0u) {
    let log_sum = log(all.sum);
    lse[row] = all.max + log_sum;
    y[row] = u.sign * ((all.max - logits[base + target_id]) + log_sum);
  }
}
