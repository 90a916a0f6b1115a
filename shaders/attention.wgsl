// Causal grouped-query attention without a T x T matrix. For query t (at position + t) of head h, kv = h / (H / K):
//   s[j] = scale q . k[kv, j] for j <= position + t,   o = sum_j softmax(s)[j] v[kv, j],   lse = log sum_j exp(s[j]),
// by the online softmax: with a new block of keys, m' = max(m, max s), alpha = exp(m - m'),
// l = alpha l + sum exp(s - m'), o = alpha o + sum exp(s - m') v; at the end o / l and m + log l.
// In vec4f: q: rows b seq_len + t of q_stride, head h from h D4. k, v: element (b, kv, j) from
// b kv_batch + kv kv_head + j kv_row + (k_first or v_first): the fused rows themselves, or a cache.
// o: [B seq_len, H d_head]; lse: [B, H, seq_len]. One workgroup per 32 queries of a head; z is the batch.
// Source: Dao 2023 (arXiv 2307.08691), algorithm 1.   Twin: gpu/ops/attention_twin.ts `attentionTwin`.
override D4: u32 = 8; // d_head / 4, at most 32

struct Uniforms { seq_len: u32, position: u32, n_head: u32, n_group: u32, q_stride: u32, kv_batch: u32, kv_head: u32, kv_row: u32, k_first: u32, v_first: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import attention_tile

@compute @workgroup_size(N_INVOCATIONS)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 8u;
  let tx = lid % 8u;
  let n_chunks = (D4 + 7u) / 8u;
  // The last queries have the most keys: they start first.
  let t0 = (nwg.x - 1u - wg.x) * TILE;
  let h = wg.y;
  let q_base = (wg.z * u.seq_len + t0) * u.q_stride + h * D4;
  let kv_base = wg.z * u.kv_batch + (h / u.n_group) * u.kv_head;
  let n_queries = min(TILE, u.seq_len - t0);
  let n_keys = u.position + t0 + n_queries;

  var m = vec4f(MASKED);
  var l = vec4f(0.0);
  var acc: array<mat4x4f, MAX_CHUNKS>;
  for (var j0 = 0u; j0 < n_keys; j0 += TILE) {
    var s = mat4x4f();
    for (var c = 0u; c < n_chunks; c++) {
      workgroupBarrier();
      for (var i = lid; i < TILE * 8u; i += N_INVOCATIONS) {
        let row = i / 8u;
        let col = c * 8u + tx;
        if (n_chunks > 1u || j0 == 0u) {
          var a = vec4f(0.0);
          if (row < n_queries && col < D4) { a = q[q_base + row * u.q_stride + col]; }
          tile_a[row * TILE_STRIDE + tx] = a;
        }
        var b = vec4f(0.0);
        if (j0 + row < n_keys && col < D4) { b = k[kv_base + u.k_first + (j0 + row) * u.kv_row + col]; }
        tile_b[row * TILE_STRIDE + tx] = b;
      }
      workgroupBarrier();
      s = tile_product(ty, tx, min(8u, D4 - c * 8u), s);
    }

    let j = vec4u(j0 + tx) + vec4u(0u, 8u, 16u, 24u);
    for (var r = 0u; r < 4u; r++) {
      let row = ty + 8u * r;
      s[r] = select(vec4f(MASKED), s[r] * u.scale, j <= vec4u(u.position + t0 + row));
      row_parts[row * 8u + tx] = max(max(s[r].x, s[r].y), max(s[r].z, s[r].w));
    }
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
      let row = ty + 8u * r;
      var top = m[r];
      for (var i = 0u; i < 8u; i++) { top = max(top, row_parts[row * 8u + i]); }
      let alpha = exp(m[r] - top);
      let p = select(vec4f(0.0), exp(s[r] - top), j <= vec4u(u.position + t0 + row));
      tile_p[row * TILE_STRIDE + tx] = p;
      m[r] = top;
      l[r] = l[r] * alpha + p.x + p.y + p.z + p.w;
      for (var c = 0u; c < n_chunks; c++) { acc[c][r] *= alpha; }
    }
    for (var c = 0u; c < n_chunks; c++) {
      if (c > 0u) { workgroupBarrier(); }
      for (var i = lid; i < TILE * 8u; i += N_INVOCATIONS) {
        let row = i / 8u;
        let col = c * 8u + tx;
        var b = vec4f(0.0);
        if (j0 + row < n_keys && col < D4) { b = v[kv_base + u.v_first + (j0 + row) * u.kv_row + col]; }
        tile_b[row * TILE_STRIDE + tx] = b;
      }
      workgroupBarrier();
      acc[c] = tile_apply(ty, tx, acc[c]);
    }
  }

  workgroupBarrier();
  for (var r = 0u; r < 4u; r++) { row_parts[(ty + 8u * r) * 8u + tx] = l[r]; }
  workgroupBarrier();
  for (var r = 0u; r < 4u; r++) {
    let row = ty + 8u * r;
    if (row >= n_queries) { continue; }
    var total = 0.0;
    for (var i = 0u; i < 8u; i++) { total += row_parts[row * 8u + i]; }
    let at = ((wg.z * u.seq_len + t0 + row) * u.n_head + h) * D4;
    for (var c = 0u; c < n_chunks; c++) {
      let col = c * 8u + tx;
      if (col < D4) { o[at + col] = acc[c][r] / total; }
    }
    if (tx == 0u) { lse[(wg.z * u.n_head + h) * u.seq_len + t0 + row] = m[r] + log(total); }
  }
}
