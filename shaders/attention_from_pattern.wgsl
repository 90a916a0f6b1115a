// z[b,i,h] = sum over j <= i of p[b,h,i,j] * v[b,j,floor(h/G)]: attention whose pattern is given.
// p: [B, H, T, T]; qkv: [B*T, (H + 2K)*D] fused rows; z: [B*T, H*D]. One invocation per element of z.
// Twin: gpu/ops/attention_pattern.ts `attentionFromPatternTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_head: u32, n_kv_head: u32, d_head: u32, seq_len: u32 }

@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (n >= u.n) { return; }
  let d = n % u.d_head;
  let h = (n / u.d_head) % u.n_head;
  let row = n / (u.d_head * u.n_head);
  let b = row / u.seq_len;
  let i = row % u.seq_len;
  let width = (u.n_head + 2u * u.n_kv_head) * u.d_head;
  let weights = ((b * u.n_head + h) * u.seq_len + i) * u.seq_len;
  let values = b * u.seq_len * width + (u.n_head + u.n_kv_head + h / (u.n_head / u.n_kv_head)) * u.d_head + d;
  var sum = 0.0;
  for (var j = 0u; j <= i; j++) { sum += p[weights + j] * qkv[values + j * width]; }
  z[n] = sum;
}
