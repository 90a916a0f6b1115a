// Causal grouped-query attention, gradients of keys and values, without barriers: the formula and bindings of
// `attention_dkv`. One invocation per 4 neighbouring keys of a kv head, over its query heads and blocks of 8 queries;
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
    for (var t0 = j0; t0 < u.seq_len; t0 += 8u) {
      let ta = t0 + vec4u(0u, 1u, 2u, 3u);
      let tb = ta + 4u;
      let row_a = b * u.seq_len + min(ta, vec4u(end));
      let row_b = b * u.seq_len + min(tb, vec4u(end));
      let qa = row_a * stride + h * u.d4;
      let qb = row_b * stride + h * u.d4;
      let ga = (row_a * u.n_head + h) * u.d4;
      let gb = (row_b * u.n_head + h) * u.d4;
      // Rows of the products are keys, columns are queries.
      var sa = mat4x4f();
      var sb = mat4x4f();
      for (var c = 0u; c < u.d4; c++) {
        let queries_a = mat4x4f(qkv[qa.x + c], qkv[qa.y + c], qkv[qa.z + c], qkv[qa.w + c]);
        let queries_b = mat4x4f(qkv[qb.x + c], qkv[qb.y + c], qkv[qb.z + c], qkv[qb.w + c]);
        let k0 = qkv[k_at.x + c]; let k1 = qkv[k_at.y + c]; let k2 = qkv[k_at.z + c]; let k3 = qkv[k_at.w + c];
        sa += mat4x4f(k0 * queries_a, k1 * queries_a, k2 * queries_a, k3 * queries_a);
        sb += mat4x4f(k0 * queries_b, k1 * queries_b, k2 * queries_b, k3 * queries_b);
      }
      var da = mat4x4f();
      var db = mat4x4f();
      for (var c = 0u; c < u.d4; c++) {
        let gradients_a = mat4x4f(d_o[ga.x + c], d_o[ga.y + c], d_o[ga.z + c], d_o[ga.w + c]);
        let gradients_b = mat4x4f(d_o[gb.x + c], d_o[gb.y + c], d_o[gb.z + c], d_o[gb.w + c]);
        let v0 = qkv[v_at.x + c]; let v1 = qkv[v_at.y + c]; let v2 = qkv[v_at.z + c]; let v3 = qkv[v_at.w + c];
        da += mat4x4f(v0 * gradients_a, v1 * gradients_a, v2 * gradients_a, v3 * gradients_a);
        db += mat4x4f(v0 * gradients_b, v1 * gradients_b, v2 * gradients_b, v3 * gradients_b);
      }
      let base = (b * u.n_head + h) * u.seq_len;
      let xa = base + min(ta, vec4u(end));
      let xb = base + min(tb, vec4u(end));
      let lse_a = vec4f(lse[xa.x], lse[xa.y], lse[xa.z], lse[xa.w]);
      let lse_b = vec4f(lse[xb.x], lse[xb.y], lse[xb.z], lse[xb.w]);
      let delta_a = vec4f(delta[xa.x], delta[xa.y], delta[xa.z], delta[xa.w]);
      let delta_b = vec4f(delta[xb.x], delta[xb.y], delta[xb.z], delta[xb.w]);
      for (var r = 0u; r < 4u; r++) {
        let seen_a = (vec4u(j[r]) <= ta) & (ta <= vec4u(end));
        let seen_b = (vec4u(j[r]) <= tb) & (tb <= vec4u(end));
        sa[r] = select(vec4f(0.0), exp(select(vec4f(0.0), sa[r] * u.scale - lse_a, seen_a)), seen_a);
        sb[r] = select(vec4f(0.0), exp(select(vec4f(0.0), sb[r] * u.scale - lse_b, seen_b)), seen_b);
        da[r] = u.scale * sa[r] * (da[r] - delta_a);
        db[r] = u.scale * sb[r] * (db[r] - delta_b);
      }
      for (var c = 0u; c < u.d4; c++) {
        let gradients_a = mat4x4f(d_o[ga.x + c], d_o[ga.y + c], d_o[ga.z + c], d_o[ga.w + c]);
        let gradients_b = mat4x4f(d_o[gb.x + c], d_o[gb.y + c], d_o[gb.z + c], d_o[gb.w + c]);
        let sums = mat4x4f(dqkv[v_at.x + c], dqkv[v_at.y + c], dqkv[v_at.z + c], dqkv[v_at.w + c]);
        dqkv[v_at.w + c] = sums[3] + gradients_a * sa[3] + gradients_b * sb[3];
        dqkv[v_at.z + c] = sums[2] + gradients_a * sa[2] + gradients_b * sb[2];
        dqkv[v_at.y + c] = sums[1] + gradients_a * sa[1] + gradients_b * sb[1];
        dqkv[v_at.x + c] = sums[0] + gradients_a * sa[0] + gradients_b * sb[0];
      }
      for (var c = 0u; c < u.d4; c++) {
        let queries_a = mat4x4f(qkv[qa.x + c], qkv[qa.y + c], qkv[qa.z + c], qkv[qa.w + c]);
        let queries_b = mat4x4f(qkv[qb.x + c], qkv[qb.y + c], qkv[qb.z + c], qkv[qb.w + c]);
        let sums = mat4x4f(dqkv[k_at.x + c], dqkv[k_at.y + c], dqkv[k_at.z + c], dqkv[k_at.w + c]);
        dqkv[k_at.w + c] = sums[3] + queries_a * da[3] + queries_b * db[3];
        dqkv[k_at.z + c] = sums[2] + queries_a * da[2] + queries_b * db[2];
        dqkv[k_at.y + c] = sums[1] + queries_a * da[1] + queries_b * db[1];
        dqkv[k_at.x + c] = sums[0] + queries_a * da[0] + queries_b * db[0];
      }
    }
  }
}
