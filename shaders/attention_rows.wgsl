// Causal grouped-query attention without barriers, for adapters that compute on the CPU: the formula, bindings
// of `attention`, its uniforms and two more. One invocation per 4 neighbouring queries of a head, over blocks of 8 keys;
// o holds the running sums. Neighbouring invocations share a kv head, for the sake of the CPU's caches.
// q, k, v, o in vec4f and lse as in `attention`.   Twin: gpu/ops/attention_twin.ts `attentionTwin`.
override WG_SIZE: u32 = 8;
const MASKED = -1e30;

struct Uniforms { n_batch: u32, seq_len: u32, position: u32, d4: u32, n_head: u32, n_group: u32, q_stride: u32, kv_batch: u32, kv_head: u32, kv_row: u32, k_first: u32, v_first: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let n_blocks = (u.seq_len + 3u) / 4u;
  let h = (i / (u.n_group * n_blocks)) % (u.n_head / u.n_group) * u.n_group + i % u.n_group;
  let b = i / (u.n_head * n_blocks);
  let t0 = (i / u.n_group) % n_blocks * 4u;
  if (b >= u.n_batch) { return; }
  // Past the end the last query is computed again, and not stored.
  let t = min(t0 + vec4u(0u, 1u, 2u, 3u), vec4u(u.seq_len - 1u));
  let q_at = (b * u.seq_len + t) * u.q_stride + h * u.d4;
  let o_at = ((b * u.seq_len + t) * u.n_head + h) * u.d4;
  let kv = b * u.kv_batch + (h / u.n_group) * u.kv_head;
  let last = u.position + t;

  var m = vec4f(MASKED);
  var l = vec4f(0.0);
  for (var j0 = 0u; j0 <= last.w; j0 += 8u) {
    let ja = j0 + vec4u(0u, 1u, 2u, 3u);
    let jb = ja + 4u;
    let ra = kv + min(ja, last.wwww) * u.kv_row;
    let rb = kv + min(jb, last.wwww) * u.kv_row;
    let ka = ra + u.k_first;
    let kb = rb + u.k_first;
    var sa = mat4x4f();
    var sb = mat4x4f();
    for (var c = 0u; c < u.d4; c++) {
      let keys_a = mat4x4f(k[ka.x + c], k[ka.y + c], k[ka.z + c], k[ka.w + c]);
      let keys_b = mat4x4f(k[kb.x + c], k[kb.y + c], k[kb.z + c], k[kb.w + c]);
      let q0 = q[q_at.x + c]; let q1 = q[q_at.y + c]; let q2 = q[q_at.z + c]; let q3 = q[q_at.w + c];
      sa += mat4x4f(q0 * keys_a, q1 * keys_a, q2 * keys_a, q3 * keys_a);
      sb += mat4x4f(q0 * keys_b, q1 * keys_b, q2 * keys_b, q3 * keys_b);
    }
    var alpha: vec4f;
    for (var r = 0u; r < 4u; r++) {
      let seen_a = ja <= vec4u(last[r]);
      let seen_b = jb <= vec4u(last[r]);
      let a = select(vec4f(MASKED), sa[r] * u.scale, seen_a);
      let e = select(vec4f(MASKED), sb[r] * u.scale, seen_b);
      let larger = max(a, e);
      let top = max(m[r], max(max(larger.x, larger.y), max(larger.z, larger.w)));
      alpha[r] = exp(m[r] - top);
      sa[r] = select(vec4f(0.0), exp(a - top), seen_a);
      sb[r] = select(vec4f(0.0), exp(e - top), seen_b);
      m[r] = top;
      l[r] = l[r] * alpha[r] + dot(sa[r] + sb[r], vec4f(1.0));
    }
    let va = ra + u.v_first;
    let vb = rb + u.v_first;
    for (var c = 0u; c < u.d4; c++) {
      let values_a = mat4x4f(v[va.x + c], v[va.y + c], v[va.z + c], v[va.w + c]);
      let values_b = mat4x4f(v[vb.x + c], v[vb.y + c], v[vb.z + c], v[vb.w + c]);
      var sums = mat4x4f();
      if (j0 > 0u) { sums = mat4x4f(o[o_at.x + c] * alpha.x, o[o_at.y + c] * alpha.y, o[o_at.z + c] * alpha.z, o[o_at.w + c] * alpha.w); }
      // Last to first: past the end the rows coincide, and all hold the same.
      o[o_at.w + c] = sums[3] + values_a * sa[3] + values_b * sb[3];
      o[o_at.z + c] = sums[2] + values_a * sa[2] + values_b * sb[2];
      o[o_at.y + c] = sums[1] + values_a * sa[1] + values_b * sb[1];
      o[o_at.x + c] = sums[0] + values_a * sa[0] + values_b * sb[0];
    }
  }
  for (var r = 0u; r < 4u && t0 + r < u.seq_len; r++) {
    for (var c = 0u; c < u.d4; c++) { o[o_at[r] + c] /= l[r]; }
    lse[(b * u.n_head + h) * u.seq_len + t[r]] = m[r] + log(l[r]);
  }
}
