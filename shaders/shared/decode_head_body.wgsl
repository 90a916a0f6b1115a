// Everything of decode_head but the bindings.
struct Uniforms { n_batch: u32, d_in: u32, n_rows: u32, eps: f32 }

fn n_tiles() -> u32 { return (u.n_rows + 3u) / 4u; }
fn tile_rows(tile: u32) -> vec4u { return min(tile * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(u.n_rows - 1u)); }
fn store(b: u32, tile: u32, dots: vec4f) {
  let row = tile * 4u;
  let i = b * u.n_rows + row;
  y[i] = dots.x;
  if (row + 1u < u.n_rows) { y[i + 1u] = dots.y; }
  if (row + 2u < u.n_rows) { y[i + 2u] = dots.z; }
  if (row + 3u < u.n_rows) { y[i + 3u] = dots.w; }
}

#import decode_main
