// Causal grouped-query attention, gradient of the queries, with P and dS recomputed block by block:
//   delta[t] = do[t] . o[t],   P[t, j] = exp(scale q[t] . k[j] - lse[t]) for j <= t,
//   dS[t, j] = P[t, j] (do[t] . v[j] - delta[t]),   dq[t] = scale sum_j dS[t, j] k[j]
// qkv, dqkv (only q is written): [B seq_len, (H + 2 K) d_head]; o, d_o: [B seq_len, H d_head], all in vec4f;
// lse, delta: [B, H, seq_len]. One workgroup per 32 queries of a head; z is the batch.
// Source: Dao 2023 (arXiv 2307.08691), algorithm 2.   Twin: gpu/ops/attention_twin.ts `attentionBackwardTwin`.
override D4: u32 = 8; // d_head / 4, at most 32

struct Uniforms { seq_len: u32, n_head: u32, n_kv_head: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> o: array<vec4f>;
@group(0) @binding(2) var<storage, read> d_o: array<vec4f>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> delta: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(6) var<uniform> u: Uniforms;

#import attention_tile

@compute @workgroup_size(N_INVOCATIONS)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 8u;
  let tx = lid % 8u;
  let n_chunks = (D4 + 7u) / 8u;
  let t0 = (nwg.x - 1u - wg.x) * TILE;
  let h = wg.y;
  let stride = (u.n_head + 2u * u.n_kv_head) * D4;
  let q_base = (wg.z * u.seq_len + t0) * stride + h * D4;
  let k_base = wg.z * u.seq_len * stride + (u.n_head + h / (u.n_head / u.n_kv_head)) * D4;
  let v_base = k_base + u.n_kv_head * D4;
  let o_stride = u.n_head * D4;
  let o_base = (wg.z * u.seq_len + t0) * o_stride + h * D4;
  let stat_base = (wg.z * u.n_head + h) * u.seq_len + t0;
  let n_queries = min(TILE, u.seq_len - t0);
  let n_keys = t0 + n_queries;

  var row_lse = vec4f(0.0);
  var row_delta = vec4f(0.0);
  for (var r = 0u; r < 4u; r++) {
    let row = ty + 8u * r;
    var part = 0.0;
    if (row < n_queries) {
      row_lse[r] = lse[stat_base + row];
      for (var col = tx; col < D4; col += 8u) { part += dot(d_o[o_base + row * o_stride + col], o[o_base + row * o_stride + col]); }
    }
    row_parts[row * 8u + tx] = part;
  }
  workgroupBarrier();
  for (var r = 0u; r < 4u; r++) {
    let row = ty + 8u * r;
    for (var i = 0u; i < 8u; i++) { row_delta[r] += row_parts[row * 8u + i]; }
    if (tx == 0u && row < n_queries) { delta[stat_base + row] = row_delta[r]; }
  }

  var acc: array<mat4x4f, MAX_CHUNKS>;
  for (var j0 = 0u; j0 < n_keys; j0 += TILE) {
    var s = mat4x4f();
    var dp = mat4x4f();
    for (var c = 0u; c < n_chunks; c++) {
      let n = min(8u, D4 - c * 8u);
      let col = c * 8u + tx;
      workgroupBarrier();
      for (var row = ty; row < TILE; row += 8u) {
        var a = vec4f(0.0);
        var b = vec4f(0.0);
        if (row < n_queries && col < D4) { a = d_o[o_base + row * o_stride + col]; }
        if (j0 + row < n_keys && col < D4) { b = qkv[v_base + (j0 + row) * stride + col]; }
        tile_a[row * TILE_STRIDE + tx] = a;
        tile_b[row * TILE_STRIDE + tx] = b;
      }
      workgroupBarrier();
      dp = tile_product(ty, tx, n, dp);
      workgroupBarrier();
      for (var row = ty; row < TILE; row += 8u) {
        var a = vec4f(0.0);
        var b = vec4f(0.0);
        if (row < n_queries && col < D4) { a = qkv[q_base + row * stride + col]; }
        if (j0 + row < n_keys && col < D4) { b = qkv[k_base + (j0 + row) * stride + col]; }
        tile_a[row * TILE_STRIDE + tx] = a;
        tile_b[row * TILE_STRIDE + tx] = b;
      }
      workgroupBarrier();
      s = tile_product(ty, tx, n, s);
    }
    let j = vec4u(j0 + tx) + vec4u(0u, 8u, 16u, 24u);
    for (var r = 0u; r < 4u; r++) {
      let row = ty + 8u * r;
      let is_seen = j <= vec4u(t0 + min(row, n_queries - 1u));
      let p = select(vec4f(0.0), exp(select(vec4f(0.0), s[r] * u.scale - row_lse[r], is_seen)), is_seen);
      tile_p[row * TILE_STRIDE + tx] = p * (dp[r] - row_delta[r]);
    }
    workgroupBarrier();
    // With one chunk the keys still lie in tile_b.
    for (var c = 0u; c < n_chunks; c++) {
      if (n_chunks > 1u) {
        let col = c * 8u + tx;
        if (c > 0u) { workgroupBarrier(); }
        for (var row = ty; row < TILE; row += 8u) {
          var b = vec4f(0.0);
          if (j0 + row < n_keys && col < D4) { b = qkv[k_base + (j0 + row) * stride + col]; }
          tile_b[row * TILE_STRIDE + tx] = b;
        }
        workgroupBarrier();
      }
      acc[c] = tile_apply(ty, tx, acc[c]);
    }
  }
  for (var r = 0u; r < 4u; r++) {
    let row = ty + 8u * r;
    for (var c = 0u; c < n_chunks; c++) {
      let col = c * 8u + tx;
      if (row < n_queries && col < D4) { dqkv[q_base + row * stride + col] = u.scale * acc[c][r]; }
    }
  }
}
