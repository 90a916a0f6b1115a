// cache[b, h, t, d] = cache[0, h, t, d] for every b > 0 and t < length: one prompt, several continuations.
// cache: [B, K, S, D].   Twin: none needed, the formula is the test.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, length: u32, capacity: u32, d_head: u32, n_kv_head: u32 }

@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let row = u.length * u.d_head;
  let head = (i / row) % u.n_kv_head;
  let b = 1u + i / (row * u.n_kv_head);
  let at = head * u.capacity * u.d_head + i % row;
  cache[b * u.n_kv_head * u.capacity * u.d_head + at] = cache[at];
}
