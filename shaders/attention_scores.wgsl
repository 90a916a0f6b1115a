// s[b,h,i,j] = scale * q[b,i,h] . k[b,j,floor(h/G)] for j <= i, else -1e30: attention scores spelt out, for somebody
// who looks. qkv: [B*T, (H + 2K)*D] fused rows, rotated; s: [B, H, T, T]. One invocation per score.
// Twin: gpu/ops/attention_pattern.ts `attentionScoresTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_head: u32, n_kv_head: u32, d_head: u32, seq_len: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (n >= u.n) { return; }
  let j = n % u.seq_len;
  let i = (n / u.seq_len) % u.seq_len;
  if (j > i) { s[n] = -1e30; return; }
  let bh = n / (u.seq_len * u.seq_len);
  let h = bh % u.n_head;
  let row = (bh / u.n_head) * u.seq_len;
  let width = (u.n_head + 2u * u.n_kv_head) * u.d_head;
  let q = (row + i) * width + h * u.d_head;
  let k = (row + j) * width + (u.n_head + h / (u.n_head / u.n_kv_head)) * u.d_head;
  var sum = 0.0;
  for (var d = 0u; d < u.d_head; d++) { sum += qkv[q + d] * qkv[k + d]; }
  s[n] = sum * u.scale;
}
