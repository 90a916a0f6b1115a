// Cross-entropy, gradient of the logits:
//   d_logits[n,v] = sign * dy[n] * (exp(logits[n,v] - lse[n]) - [v == targets[n]])
// and 0 in rows that the forward pass skipped (lse = 1e30).
// logits, d_logits: [n_rows, d_vocab]; targets, lse, dy: [n_rows]. One workgroup per row.
// Source: methods reference 1.1.   Twin: gpu/ops/cross_entropy.ts `nllBackwardTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_vocab: u32, sign: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_vocab;
  let target_id = targets[row];
  let scale = u.sign * dy[row];
  if (scale == 0.0 || lse[row] >= 1e30) {
    for (var v = lid; v < u.d_vocab; v += WG_SIZE) { d_logits[base + v] = 0.0; }
    return;
  }
  let log_sum = lse[row];
  for (var v = lid; v < u.d_vocab; v += WG_SIZE) {
    let p = exp(logits[base + v] - log_sum);
    d_logits[base + v] = scale * (p - select(0.0, 1.0, v == target_id));
  }
}
