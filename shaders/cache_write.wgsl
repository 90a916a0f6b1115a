// Copies the k and v parts of fused rows into a cache: for t < seq_len, c < d_head,
//   k[b, kv, position + t, c] = qkv[b seq_len + t, (n_head + kv) d_head + c], and v likewise n_kv_head heads later.
// qkv: [n_batch seq_len, (n_head + 2 n_kv_head) d_head]; k, v: [n_batch, n_kv_head, capacity, d_head].
// One invocation per element of k. Rows at or past the capacity are dropped.   Twin: gpu/ops/cache_write.ts `cacheWriteTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_head: u32, n_kv_head: u32, d_head: u32, seq_len: u32, position: u32, capacity: u32 }

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> k: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let kv_width = u.n_kv_head * u.d_head;
  let row = i / kv_width;
  let position = u.position + row % u.seq_len;
  if (i >= u.n || position >= u.capacity) { return; }
  let in_row = i % kv_width;
  let kv_head = in_row / u.d_head;
  let source = row * (u.n_head * u.d_head + 2u * kv_width) + u.n_head * u.d_head + in_row;
  let target_row = ((row / u.seq_len) * u.n_kv_head + kv_head) * u.capacity + position;
  let at = target_row * u.d_head + in_row % u.d_head;
  k[at] = qkv[source];
  v[at] = qkv[source + kv_width];
}
