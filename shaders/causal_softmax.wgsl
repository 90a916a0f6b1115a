// p[r,j] = exp(s[r,j] - max) / sum over j <= i, zero beyond, with i = r mod T the query of row r.
// s, p: [B*H*T, T]. One workgroup per row.   Twin: gpu/ops/attention_pattern.ts `causalSoftmaxTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, seq_len: u32 }

@group(0) @binding(0) var<storage, read> s: array<f32>;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.seq_len;
  let n_keys = row % u.seq_len + 1u;
  var largest = -1e30;
  for (var j = lid; j < n_keys; j += WG_SIZE) { largest = max(largest, s[base + j]); }
  let shift = workgroup_max(lid, largest);
  var mass = 0.0;
  for (var j = lid; j < n_keys; j += WG_SIZE) { mass += exp(s[base + j] - shift); }
  let total = workgroup_sum(lid, mass);
  for (var j = lid; j < u.seq_len; j += WG_SIZE) {
    p[base + j] = select(0.0, exp(s[base + j] - shift) / total, j < n_keys);
  }
}
