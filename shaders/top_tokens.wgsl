// The k largest of each row, largest first, the lower column first among equals, and their log-probabilities:
//   ids[n,j] = column of the j-th largest;   logprobs[n,j] = logits[n, ids[n,j]] - log(sum_v exp(logits[n,v]))
// logits: [n_rows, d_vocab]; ids, logprobs: [n_rows, k], k <= d_vocab. One workgroup per row, k + 1 passes over it.
// NaN counts as the smallest value.   Twin: gpu/ops/top_tokens.ts `topTokensTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_rows: u32, d_vocab: u32, k: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> logprobs: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import reduce
#import log_sum_exp
#import order_key

// (key, id); a comes before b when its key is larger, or equal with a lower id.
var<workgroup> best: array<vec2u, WG_SIZE>;

fn comes_before(a: vec2u, b: vec2u) -> bool {
  return a.x > b.x || (a.x == b.x && a.y < b.y);
}

fn workgroup_first(lid: u32, mine: vec2u) -> vec2u {
  best[lid] = mine;
  workgroupBarrier();
  for (var s = WG_SIZE / 2u; s > 0u; s /= 2u) {
    if (lid < s && comes_before(best[lid + s], best[lid])) { best[lid] = best[lid + s]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&best[0]);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_vocab;
  var mine = running_sum_start();
  for (var v = lid; v < u.d_vocab; v += WG_SIZE) { mine = running_sum_add(mine, logits[base + v]); }
  let all = running_sum_all(lid, mine);
  let log_sum = log(all.sum);
  const nothing = vec2u(0u, 0xffffffffu);
  var last = vec2u(0xffffffffu, 0u);
  for (var j = 0u; j < u.k; j++) {
    var first = nothing;
    for (var v = lid; v < u.d_vocab; v += WG_SIZE) {
      let candidate = vec2u(order_key(logits[base + v]), v);
      if (comes_before(last, candidate) && comes_before(candidate, first)) { first = candidate; }
    }
    last = workgroup_first(lid, first);
    if (lid == 0u) {
      ids[row * u.k + j] = last.y;
      logprobs[row * u.k + j] = (logits[base + last.y] - all.max) - log_sum;
    }
  }
}
