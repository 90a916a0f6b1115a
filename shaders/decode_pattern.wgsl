// What decode_attention weighs: p[b,h,s] = softmax over s < length = count + extra of scale * q[b,h] . k[b,g,s],
// g = floor(h / (n_head / n_kv_head)); 0 from `length` on.
// q: [n_batch, n_head, d_head] f32; k: [n_batch, n_kv_head, n_slots, d_head] f32; p: [n_batch, n_head, n_slots] f32.
// One workgroup per query head. Twin: gpu/ops/decode_attention.ts `decodePatternTwin`.
override WG_SIZE: u32 = 128;
const MASKED = -1e30;

struct Uniforms {
  n_batch: u32, n_head: u32, n_kv_head: u32, d_head: u32, n_slots: u32, count: u32, extra: u32, scale: f32
}

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let head_row = wg.x + wg.y * nwg.x;
  if (head_row >= u.n_batch * u.n_head) { return; }
  let kv_head = head_row % u.n_head / (u.n_head / u.n_kv_head);
  let cache_row = (head_row / u.n_head * u.n_kv_head + kv_head) * u.n_slots;
  let length = min(u.count + u.extra, u.n_slots);
  let base = head_row * u.n_slots;
  var top = MASKED;
  for (var s = lid; s < length; s += WG_SIZE) {
    var score = 0.0;
    for (var d = 0u; d < u.d_head; d++) { score += q[head_row * u.d_head + d] * k[(cache_row + s) * u.d_head + d]; }
    score *= u.scale;
    p[base + s] = score;
    top = max(top, score);
  }
  top = workgroup_max(lid, top);
  var total = 0.0;
  for (var s = lid; s < length; s += WG_SIZE) { total += exp(p[base + s] - top); }
  total = workgroup_sum(lid, total);
  for (var s = lid; s < u.n_slots; s += WG_SIZE) {
    if (s < length) { p[base + s] = exp(p[base + s] - top) / total; } else { p[base + s] = 0.0; }
  }
}
