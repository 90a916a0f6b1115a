// Everything of decode_attention but bindings and loads. One workgroup per query head. The cache is walked in
// chunks of CHUNK positions: scores by position over all invocations, their maximum, weights; then every
// invocation adds weight * value for its quad of the head over its slice of the chunk. The running sums are
// rescaled when the maximum rises (online softmax); the slices meet once, at the end.
// The importer gives row_size() (where row i of d_head elements starts: i * row_size()), query4(start, quad),
// key4(start, quad), value4(start, quad), store4(start, quad, value) and n_quads() <= WG_SIZE, a power of two.
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
  let quads = n_quads();
  let quad = lid % quads;
  let slice = lid / quads;
  let n_slices = WG_SIZE / quads;
  let scale = u.scale;
  let size = row_size();
  let query_start = head_row * size;

  var top = MASKED;
  var total = 0.0;
  var sum = vec4f();
  for (var start = 0u; start < length; start += CHUNK) {
    let n = min(CHUNK, length - start);
    var chunk_top = MASKED;
    // Four positions at a time, so that a quad of q serves four of k; past the end the last one is repeated.
    for (var i = lid; i < n; i += 4u * WG_SIZE) {
      let at = i + vec4u(0u, 1u, 2u, 3u) * WG_SIZE;
      let keys = (cache_row + start + min(at, vec4u(n - 1u))) * size;
      var scores = vec4f();
      for (var j = 0u; j < quads; j++) {
        let query = query4(query_start, j);
        scores += vec4f(
          dot(query, key4(keys.x, j)), dot(query, key4(keys.y, j)), dot(query, key4(keys.z, j)), dot(query, key4(keys.w, j)));
      }
      scores *= scale;
      weights[i] = scores.x;
      if (at.y < n) { weights[at.y] = scores.y; }
      if (at.z < n) { weights[at.z] = scores.z; }
      if (at.w < n) { weights[at.w] = scores.w; }
      chunk_top = max(chunk_top, max(max(scores.x, scores.y), max(scores.z, scores.w)));
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
      let values = (cache_row + start) * size;
      for (var i = slice; i < n; i += n_slices) { sum += weights[i] * value4(values + i * size, quad); }
    }
    workgroupBarrier();
  }

  total = workgroup_sum(lid, total);
  slices[lid] = sum;
  workgroupBarrier();
  if (lid >= quads) { return; }
  for (var s = 1u; s < n_slices; s++) { sum += slices[s * quads + lid]; }
  store4(query_start, quad, sum / total);
}
