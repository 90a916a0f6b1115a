// Rotary position embedding of the q and k heads of fused rows; v is copied. Half-rotation layout: with
// a = position of the row, m < n_half, (c, s) = table[a, m]:
//   y[m] = x[m] c - sign x[m + n_half] s,   y[m + n_half] = x[m + n_half] c + sign x[m] s;
// elements from 2 n_half on stay. sign = -1 turns the other way, which is the gradient.
// x, y: [n_rows, (n_head + 2 n_kv_head) d_head]; table: [n_positions, n_half, 2]. One invocation per two elements.
// Source: Su et al. 2021 (arXiv 2104.09864), eq. 34, with the pairing of GPT-NeoX.   Twin: gpu/ops/rope.ts `ropeTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_pairs: u32, pairs_per_row: u32, rotated_pairs: u32, pairs_per_head: u32, n_half: u32, seq_len: u32, position: u32, sign: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n_pairs) { return; }
  let in_row = i % u.pairs_per_row;
  let m = in_row % u.pairs_per_head;
  let head = 2u * (i - m);
  if (in_row < u.rotated_pairs && m < u.n_half) {
    let position = u.position + (i / u.pairs_per_row) % u.seq_len;
    let turn = table[position * u.n_half + m];
    let s = u.sign * turn.y;
    let a = x[head + m];
    let b = x[head + m + u.n_half];
    y[head + m] = a * turn.x - b * s;
    y[head + m + u.n_half] = b * turn.x + a * s;
  } else {
    y[head + 2u * m] = x[head + 2u * m];
    y[head + 2u * m + 1u] = x[head + 2u * m + 1u];
  }
}
