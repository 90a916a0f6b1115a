// Causal grouped-query attention, gradients of keys and values, without barriers: the formula and bindings of
// `attention_dkv`. One invocation per 4 neighbouring keys of a kv head, over its query heads and blocks of 4 queries;
// dqkv holds the running sums, of which each has one owner and one order.
// Twin: gpu/ops/attention_twin.ts `attentionBackwardTwin`.
override WG_SIZE: u32 = 8;

struct Uniforms { n_batch: u32, seq_len: u32, d4: u32, n_head: u32, n_kv_head: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> d_o: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(5) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let n_blocks = (u.seq_len + 3u) / 4u;
  let n_group = u.n_head / u.n_kv_head;
  let kv_head = (i / n_blocks) % u.n_kv_head;
  let b = i / (u.n_kv_head * n_blocks);
  let j0 = (i % n_blocks) * 4u;
  if (b >= u.n_batch) { return; }
  let end = u.seq_len - 1u;
  // Past the end the last key is computed again: the same numbers go to the same place.
  let j = min(j0 + vec4u(0u, 1u, 2u, 3u), vec4u(end));
  let stride = (u.n_head + 2u * u.n_kv_head) * u.d4;
  let k_at = (b * u.seq_len + j) * stride + (u.n_head + kv_head) * u.d4;
  let v_at = k_at + u.n_kv_head * u.d4;
  for (var c = 0u; c < u.d4; c++) {
    for (var r = 0u; r < 4u; r++) {
      dqkv[k_at[r] + c] = vec4f(0.0);
      dqkv[v_at[r] + c] = vec4f(0.0);
    }
  }

  for (var g = 0u; g < n_group; g++) {
    let h = kv_head * n_group + g;
    for (var t0 = j0; t0 < u.seq_len; t0 += 4u) {
      let t = t0 + vec4u(0u, 1u, 2u, 3u);
      let row = b * u.seq_len + min(t, vec4u(end));
      let q_at = row * stride + h * u.d4;
      let o_at = (row * u.n_head + h) * u.d4;
      // Rows of the products are keys, columns are queries.
      var s = mat4x4f();
      for (var c = 0u; c < u.d4; c++) {
        let queries = mat4x4f(qkv[q_at.x + c], qkv[q_at.y + c], qkv[q_at.z + c], qkv[q_at.w + c]);
        let k0 = qkv[k_at.x + c]; let k1 = qkv[k_at.y + c]; let k2 = qkv[k_at.z + c]; let k3 = qkv[k_at.w + c];
        s += mat4x4f(k0 * queries, k1 * queries, k2 * queries, k3 * queries);
      }
      var ds = mat4x4f();
      for (var c = 0u; c < u.d4; c++) {
        let gradients = mat4x4f(d_o[o_at.x + c], d_o[o_at.y + c], d_o[o_at.z + c], d_o[o_at.w + c]);
        let v0 = qkv[v_at.x + c]; let v1 = qkv[v_at.y + c]; let v2 = qkv[v_at.z + c]; let v3 = qkv[v_at.w + c];
        ds += mat4x4f(v0 * gradients, v1 * gradients, v2 * gradients, v3 * gradients);
      }
      let base = (b * u.n_head + h) * u.seq_len;
      let stat = base + min(t, vec4u(end));
      let column_lse = vec4f(lse[stat.x], lse[stat.y], lse[stat.z], lse[stat.w]);
      let column_delta = vec4f(delta[stat.x], delta[stat.y], delta[stat.z], delta[stat.w]);
      for (var r = 0u; r < 4u; r++) {
        let seen = (vec4u(j[r]) <= t) & (t <= vec4u(end));
        s[r] = select(vec4f(0.0), exp(select(vec4f(0.0), s[r] * u.scale - column_lse, seen)), seen);
        ds[r] = u.scale * s[r] * (ds[r] - column_delta);
      }
      for (var c = 0u; c < u.d4; c++) {
        let gradients = mat4x4f(d_o[o_at.x + c], d_o[o_at.y + c], d_o[o_at.z + c], d_o[o_at.w + c]);
        let sums = mat4x4f(dqkv[v_at.x + c], dqkv[v_at.y + c], dqkv[v_at.z + c], dqkv[v_at.w + c]);
        dqkv[v_at.w + c] = sums[3] + gradients * s[3];
        dqkv[v_at.z + c] = sums[2] + gradients * s[2];
        dqkv[v_at.y + c] = sums[1] + gradients * s[1];
        dqkv[v_at.x + c] = sums[0] + gradients * s[0];
      }
      for (var c = 0u; c < u.d4; c++) {
        let queries = mat4x4f(qkv[q_at.x + c], qkv[q_at.y + c], qkv[q_at.z + c], qkv[q_at.w + c]);
        let sums = mat4x4f(dqkv[k_at.x + c], dqkv[k_at.y + c], dqkv[k_at.z + c], dqkv[k_at.w + c]);
        dqkv[k_at.w + c] = sums[3] + queries * ds[3];
        dqkv[k_at.z + c] = sums[2] + queries * ds[2];
        dqkv[k_at.y + c] = sums[1] + queries * ds[1];
        dqkv[k_at.x + c] = sums[0] + queries * ds[0];
      }
    }
  }
}
