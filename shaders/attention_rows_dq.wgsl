// Causal grouped-query attention, gradient of the queries, without barriers: the formula and bindings of
// `attention_dq`. One invocation per 4 neighbouring queries of a head, over blocks of 8 keys; dqkv holds the running
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

  for (var j0 = 0u; j0 <= t.w; j0 += 8u) {
    let ja = j0 + vec4u(0u, 1u, 2u, 3u);
    let jb = ja + 4u;
    let ra = min(ja, t.wwww) * stride;
    let rb = min(jb, t.wwww) * stride;
    let ka = k_base + ra;
    let kb = k_base + rb;
    let va = v_base + ra;
    let vb = v_base + rb;
    var sa = mat4x4f();
    var sb = mat4x4f();
    for (var c = 0u; c < u.d4; c++) {
      let keys_a = mat4x4f(qkv[ka.x + c], qkv[ka.y + c], qkv[ka.z + c], qkv[ka.w + c]);
      let keys_b = mat4x4f(qkv[kb.x + c], qkv[kb.y + c], qkv[kb.z + c], qkv[kb.w + c]);
      let q0 = qkv[q_at.x + c]; let q1 = qkv[q_at.y + c]; let q2 = qkv[q_at.z + c]; let q3 = qkv[q_at.w + c];
      sa += mat4x4f(q0 * keys_a, q1 * keys_a, q2 * keys_a, q3 * keys_a);
      sb += mat4x4f(q0 * keys_b, q1 * keys_b, q2 * keys_b, q3 * keys_b);
    }
    var da = mat4x4f();
    var db = mat4x4f();
    for (var c = 0u; c < u.d4; c++) {
      let values_a = mat4x4f(qkv[va.x + c], qkv[va.y + c], qkv[va.z + c], qkv[va.w + c]);
      let values_b = mat4x4f(qkv[vb.x + c], qkv[vb.y + c], qkv[vb.z + c], qkv[vb.w + c]);
      let g0 = d_o[o_at.x + c]; let g1 = d_o[o_at.y + c]; let g2 = d_o[o_at.z + c]; let g3 = d_o[o_at.w + c];
      da += mat4x4f(g0 * values_a, g1 * values_a, g2 * values_a, g3 * values_a);
      db += mat4x4f(g0 * values_b, g1 * values_b, g2 * values_b, g3 * values_b);
    }
    for (var r = 0u; r < 4u; r++) {
      let seen_a = ja <= vec4u(t[r]);
      let seen_b = jb <= vec4u(t[r]);
      let a = exp(select(vec4f(0.0), sa[r] * u.scale - row_lse[r], seen_a)) * (da[r] - row_delta[r]);
      let e = exp(select(vec4f(0.0), sb[r] * u.scale - row_lse[r], seen_b)) * (db[r] - row_delta[r]);
      da[r] = select(vec4f(0.0), u.scale * a, seen_a);
      db[r] = select(vec4f(0.0), u.scale * e, seen_b);
    }
    for (var c = 0u; c < u.d4; c++) {
      let keys_a = mat4x4f(qkv[ka.x + c], qkv[ka.y + c], qkv[ka.z + c], qkv[ka.w + c]);
      let keys_b = mat4x4f(qkv[kb.x + c], qkv[kb.y + c], qkv[kb.z + c], qkv[kb.w + c]);
      var sums = mat4x4f();
      if (j0 > 0u) { sums = mat4x4f(dqkv[q_at.x + c], dqkv[q_at.y + c], dqkv[q_at.z + c], dqkv[q_at.w + c]); }
      dqkv[q_at.w + c] = sums[3] + keys_a * da[3] + keys_b * db[3];
      dqkv[q_at.z + c] = sums[2] + keys_a * da[2] + keys_b * db[2];
      dqkv[q_at.y + c] = sums[1] + keys_a * da[1] + keys_b * db[1];
      dqkv[q_at.x + c] = sums[0] + keys_a * da[0] + keys_b * db[0];
    }
  }
}
