// Causal grouped-query attention, gradients of keys and values; h runs over the query heads of kv head kv:
//   P[t, j] = exp(scale q[h, t] . k[j] - lse[h, t]) for j <= t,   dv[j] = sum_h sum_t P[t, j] do[h, t],
//   dS[t, j] = P[t, j] (do[h, t] . v[j] - delta[h, t]),   dk[j] = scale sum_h sum_t dS[t, j] q[h, t]
// qkv, dqkv (only k and v are written): [B seq_len, (H + 2 K) d_head]; d_o: [B seq_len, H d_head], in vec4f;
// lse, delta: [B, H, seq_len], delta from attention_dq. One workgroup per 32 keys of a kv head; z is the batch.
// Each sum has one owner and one order, so there are no atomics and every run gives the same bits.
// Source: Dao 2023 (arXiv 2307.08691), algorithm 2.   Twin: gpu/ops/attention_twin.ts `attentionBackwardTwin`.
override D4: u32 = 8; // d_head / 4, at most 32

struct Uniforms { seq_len: u32, n_head: u32, n_kv_head: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> d_o: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(5) var<uniform> u: Uniforms;

#import attention_tile

@compute @workgroup_size(N_INVOCATIONS)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 8u;
  let tx = lid % 8u;
  let n_chunks = (D4 + 7u) / 8u;
  let j0 = wg.x * TILE;
  let kv_head = wg.y;
  let n_group = u.n_head / u.n_kv_head;
  let stride = (u.n_head + 2u * u.n_kv_head) * D4;
  let row_base = wg.z * u.seq_len * stride;
  let k_base = row_base + j0 * stride + (u.n_head + kv_head) * D4;
  let v_base = k_base + u.n_kv_head * D4;
  let o_stride = u.n_head * D4;
  let n_keys = min(TILE, u.seq_len - j0);

  var dk: array<mat4x4f, MAX_CHUNKS>;
  var dv: array<mat4x4f, MAX_CHUNKS>;
  for (var g = 0u; g < n_group; g++) {
    let h = kv_head * n_group + g;
    for (var t0 = j0; t0 < u.seq_len; t0 += TILE) {
      let q_base = row_base + t0 * stride + h * D4;
      let o_base = (wg.z * u.seq_len + t0) * o_stride + h * D4;
      let n_queries = min(TILE, u.seq_len - t0);
      // Rows of the tiles of products are keys, columns are queries.
      var s = mat4x4f();
      var dp = mat4x4f();
      for (var c = 0u; c < n_chunks; c++) {
        let n = min(8u, D4 - c * 8u);
        let col = c * 8u + tx;
        workgroupBarrier();
        for (var row = ty; row < TILE; row += 8u) {
          var a = vec4f(0.0);
          var b = vec4f(0.0);
          if (row < n_keys && col < D4) { a = qkv[k_base + row * stride + col]; }
          if (row < n_queries && col < D4) { b = qkv[q_base + row * stride + col]; }
          tile_a[row * TILE_STRIDE + tx] = a;
          tile_b[row * TILE_STRIDE + tx] = b;
        }
        workgroupBarrier();
        s = tile_product(ty, tx, n, s);
        workgroupBarrier();
        for (var row = ty; row < TILE; row += 8u) {
          var a = vec4f(0.0);
          var b = vec4f(0.0);
          if (row < n_keys && col < D4) { a = qkv[v_base + row * stride + col]; }
          if (row < n_queries && col < D4) { b = d_o[o_base + row * o_stride + col]; }
          tile_a[row * TILE_STRIDE + tx] = a;
          tile_b[row * TILE_STRIDE + tx] = b;
        }
        workgroupBarrier();
        dp = tile_product(ty, tx, n, dp);
      }
      let in_tile = vec4u(tx) + vec4u(0u, 8u, 16u, 24u);
      let stat = (wg.z * u.n_head + h) * u.seq_len + t0 + min(in_tile, vec4u(n_queries - 1u));
      let column_lse = vec4f(lse[stat.x], lse[stat.y], lse[stat.z], lse[stat.w]);
      let column_delta = vec4f(delta[stat.x], delta[stat.y], delta[stat.z], delta[stat.w]);
      for (var r = 0u; r < 4u; r++) {
        let row = ty + 8u * r;
        let is_seen = (vec4u(j0 + row) <= t0 + in_tile) & (in_tile < vec4u(n_queries));
        s[r] = select(vec4f(0.0), exp(select(vec4f(0.0), s[r] * u.scale - column_lse, is_seen)), is_seen);
        dp[r] = s[r] * (dp[r] - column_delta);
        tile_p[row * TILE_STRIDE + tx] = s[r];
      }
      workgroupBarrier();
      // With one chunk d_o still lies in tile_b.
      for (var c = 0u; c < n_chunks; c++) {
        if (n_chunks > 1u) {
          let col = c * 8u + tx;
          if (c > 0u) { workgroupBarrier(); }
          for (var row = ty; row < TILE; row += 8u) {
            var b = vec4f(0.0);
            if (row < n_queries && col < D4) { b = d_o[o_base + row * o_stride + col]; }
            tile_b[row * TILE_STRIDE + tx] = b;
          }
          workgroupBarrier();
        }
        dv[c] = tile_apply(ty, tx, dv[c]);
      }
      for (var c = 0u; c < n_chunks; c++) {
        let col = c * 8u + tx;
        workgroupBarrier();
        for (var row = ty; row < TILE; row += 8u) {
          var b = vec4f(0.0);
          if (row < n_queries && col < D4) { b = qkv[q_base + row * stride + col]; }
          tile_b[row * TILE_STRIDE + tx] = b;
          if (c == 0u) { tile_p[row * TILE_STRIDE + tx] = dp[(row - ty) / 8u]; }
        }
        workgroupBarrier();
        dk[c] = tile_apply(ty, tx, dk[c]);
      }
    }
  }
  for (var r = 0u; r < 4u; r++) {
    let row = ty + 8u * r;
    for (var c = 0u; c < n_chunks; c++) {
      let col = c * 8u + tx;
      if (row < n_keys && col < D4) {
        dqkv[k_base + row * stride + col] = u.scale * dk[c][r];
        dqkv[v_base + row * stride + col] = dv[c][r];
      }
    }
  }
}
