// Everything of decode_qkv but the bindings. Work is counted in pairs of rows (i, i + d_head/2) of one head,
// which RoPE turns together; a tile is two neighbouring pairs.
override HAS_BIAS: u32 = 0;

struct Uniforms {
  n_batch: u32, d_in: u32, n_head: u32, n_kv_head: u32, d_head: u32, n_slots: u32, position: u32, slot: u32, eps: f32
}

fn n_pairs() -> u32 { return (u.n_head + 2u * u.n_kv_head) * (u.d_head / 2u); }
fn pair_row(pair: u32) -> u32 { let half = u.d_head / 2u; return pair / half * u.d_head + pair % half; }

fn n_tiles() -> u32 { return (n_pairs() + 1u) / 2u; }
fn tile_rows(tile: u32) -> vec4u {
  let a = pair_row(tile * 2u);
  let b = pair_row(min(tile * 2u + 1u, n_pairs() - 1u));
  return vec4u(a, a + u.d_head / 2u, b, b + u.d_head / 2u);
}

fn store_pair(b: u32, pair: u32, dots: vec2f) {
  let half = u.d_head / 2u;
  let head = pair / half;
  let i = pair % half;
  var out = dots;
  if (HAS_BIAS == 1u) { out += vec2f(bias[head * u.d_head + i], bias[head * u.d_head + i + half]); }
  if (head < u.n_head + u.n_kv_head) {
    let turn = rope[u.position * half + i];
    out = vec2f(out.x * turn.x - out.y * turn.y, out.y * turn.x + out.x * turn.y);
  }
  if (head < u.n_head) {
    let at = (b * u.n_head + head) * u.d_head + i;
    q[at] = out.x;
    q[at + half] = out.y;
    return;
  }
  if (u.slot >= u.n_slots) { return; }
  let kv_head = (head - u.n_head) % u.n_kv_head;
  let at = ((b * u.n_kv_head + kv_head) * u.n_slots + u.slot) * u.d_head + i;
  if (head < u.n_head + u.n_kv_head) {
    k[at] = out.x;
    k[at + half] = out.y;
  } else {
    v[at] = out.x;
    v[at + half] = out.y;
  }
}

fn store(b: u32, tile: u32, dots: vec4f) {
  store_pair(b, tile * 2u, dots.xy);
  if (tile * 2u + 1u < n_pairs()) { store_pair(b, tile * 2u + 1u, dots.zw); }
}

#import decode_main
