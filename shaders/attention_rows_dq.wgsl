// Causal grouped-query attention, gradient of the queries, without barriers: the formula and bindings of
// `attention_dq`. One invocation per 4 neighbouring queries of a head, over blocks of 4 keys; dqkv holds the running
// sums.
// Twin: gpu/ops/attention_twin.ts `attentionBackwardTwin`.
override WG_SIZE: u32 = 8;

struct Uniforms { n_batch: u32, seq_len: u32, d4: u32, n_head: u32, n_kv_head: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> o: array<vec4f>;
@group(0) @binding(2) var<storage, read> d_o: array<vec4f>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> delta: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(6) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let n_group = u.n_head / u.n_kv_head;
  let n_blocks = (u.seq_len + 3u) / 4u;
  let h = (i / (n_group * n_blocks)) % u.n_kv_head * n_group + i % n_group;
  let b = i / (u.n_head * n_blocks);
  let t0 = (i / n_group) % n_blocks * 4u;
  if (b >= u.n_batch) { return; }
  // Past the end the last query is computed again: the same numbers go to the same place.
  let t = min(t0 + vec4u(0u, 1u, 2u, 3u), vec4u(u.seq_len - 1u));
  let stride = (u.n_head + 2u * u.n_kv_head) * u.d4;
  let q_at = (b * u.seq_len + t) * stride + h * u.d4;
  let o_at = ((b * u.seq_len + t) * u.n_head + h) * u.d4;
  let k_base = b * u.seq_len * stride + (u.n_head + h / n_group) * u.d4;
  let v_base = k_base + u.n_kv_head * u.d4;
  let stat = (b * u.n_head + h) * u.seq_len + t;
  let row_lse = vec4f(lse[stat.x], lse[stat.y], lse[stat.z], lse[stat.w]);

  var row_delta = vec4f(0.0);
  for (var c = 0u; c < u.d4; c++) {
    row_delta += vec4f(
      dot(d_o[o_at.x + c], o[o_at.x + c]), dot(d_o[o_at.y + c], o[o_at.y + c]),
      dot(d_o[o_at.z + c], o[o_at.z + c]), dot(d_o[o_at.w + c], o[o_at.w + c]),
    );
  }
  delta[stat.x] = row_delta.x;
  delta[stat.y] = row_delta.y;
  delta[stat.z] = row_delta.z;
  delta[stat.w] = row_delta.w;

  for (var j0 = 0u; j0 <= t.w; j0 += 4u) {
    let j = j0 + vec4u(0u, 1u, 2u, 3u);
    let key_row = min(j, t.wwww) * stride;
    let k_at = k_base + key_row;
    let v_at = v_base + key_row;
    var s = mat4x4f();
    for (var c = 0u; c < u.d4; c++) {
      let keys = mat4x4f(qkv[k_at.x + c], qkv[k_at.y + c], qkv[k_at.z + c], qkv[k_at.w + c]);
      let q0 = qkv[q_at.x + c]; let q1 = qkv[q_at.y + c]; let q2 = qkv[q_at.z + c]; let q3 = qkv[q_at.w + c];
      s += mat4x4f(q0 * keys, q1 * keys, q2 * keys, q3 * keys);
    }
    var ds = mat4x4f();
    for (var c = 0u; c < u.d4; c++) {
      let values = mat4x4f(qkv[v_at.x + c], qkv[v_at.y + c], qkv[v_at.z + c], qkv[v_at.w + c]);
      let g0 = d_o[o_at.x + c]; let g1 = d_o[o_at.y + c]; let g2 = d_o[o_at.z + c]; let g3 = d_o[o_at.w + c];
      ds += mat4x4f(g0 * values, g1 * values, g2 * values, g3 * values);
    }
    for (var r = 0u; r < 4u; r++) {
      let seen = j <= vec4u(t[r]);
      let a = exp(select(vec4f(0.0), s[r] * u.scale - row_lse[r], seen)) * (ds[r] - row_delta[r]);
      ds[r] = select(vec4f(0.0), u.scale * a, seen);
    }
    for (var c = 0u; c < u.d4; c++) {
      let keys = mat4x4f(qkv[k_at.x + c], qkv[k_at.y + c], qkv[k_at.z + c], qkv[k_at.w + c]);
      var sums = mat4x4f();
      if (j0 > 0u) { sums = mat4x4f(dqkv[q_at.x + c], dqkv[q_at.y + c], dqkv[q_at.z + c], dqkv[q_at.w + c]); }
      dqkv[q_at.w + c] = sums[3] + keys * ds[3];
      dqkv[q_at.z + c] = sums[2] + keys * ds[2];
      dqkv[q_at.y + c] = sums[1] + keys * ds[1];
      dqkv[q_at.x + c] = sums[0] + keys * ds[0];
    }
  }
}
