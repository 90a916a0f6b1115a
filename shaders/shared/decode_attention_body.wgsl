// Everything of decode_attention but bindings and loads. One workgroup per query head. The cache is walked in
// chunks of CHUNK positions: scores by position over all invocations, their maximum, weights; then every
// invocation adds weight * value for its quad of the head over its slice of the chunk. The running sums are
// rescaled when the maximum rises (online softmax); the slices meet once, at the end.
// The importer gives query4(head row, quad), key4(cache row, quad), value4(cache row, quad),
// store4(head row, quad, value) and n_quads() <= WG_SIZE, a power of two.
override WG_SIZE: u32 = 128;
override CHUNK: u32 = 512;
const MASKED = -1e30;

struct Uniforms {
  n_batch: u32, n_head: u32, n_kv_head: u32, d_head: u32, n_slots: u32, count: u32, extra: u32, scale: f32
}

#import reduce

var<workgroup> weights: array<f32, CHUNK>;
var<workgroup> slices: array<vec4f, WG_SIZE>;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let head_row = wg.x + wg.y * nwg.x;
  if (head_row >= u.n_batch * u.n_head) { return; }
  let kv_head = head_row % u.n_head / (u.n_head / u.n_kv_head);
  let cache_row = (head_row / u.n_head * u.n_kv_head + kv_head) * u.n_slots;
  let length = min(u.count + u.extra, u.n_slots);
  let quad = lid % n_quads();
  let slice = lid / n_quads();
  let n_slices = WG_SIZE / n_quads();

  var top = MASKED;
  var total = 0.0;
  var sum = vec4f();
  for (var start = 0u; start < length; start += CHUNK) {
    let n = min(CHUNK, length - start);
    var chunk_top = MASKED;
    for (var i = lid; i < n; i += WG_SIZE) {
      var score = 0.0;
      for (var j = 0u; j < n_quads(); j++) { score += dot(query4(head_row, j), key4(cache_row + start + i, j)); }
      score *= u.scale;
      weights[i] = score;
      chunk_top = max(chunk_top, score);
    }
    let new_top = max(top, workgroup_max(lid, chunk_top));
    let rescale = select(exp(top - new_top), 0.0, start == 0u);
    total *= rescale;
    sum *= rescale;
    top = new_top;
    for (var i = lid; i < n; i += WG_SIZE) {
      let weight = exp(weights[i] - top);
      weights[i] = weight;
      total += weight;
    }
    workgroupBarrier();
    if (slice < n_slices) {
      for (var i = slice; i < n; i += n_slices) { sum += weights[i] * value4(cache_row + start + i, quad); }
    }
    workgroupBarrier();
  }

  total = workgroup_sum(lid, total);
  slices[lid] = sum;
  workgroupBarrier();
  if (lid >= n_quads()) { return; }
  for (var s = 1u; s < n_slices; s++) { sum += slices[s * n_quads() + lid]; }
  store4(head_row, quad, sum / total);
}
