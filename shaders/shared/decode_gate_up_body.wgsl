// Everything of decode_gate_up but the bindings. A tile is two gate rows and their two up rows.
struct Uniforms { n_batch: u32, d_in: u32, d_mlp: u32, eps: f32 }

fn silu(x: vec2f) -> vec2f {
  let e = exp(-abs(x));
  return x * select(vec2f(1.0), e, x < vec2f(0.0)) / (1.0 + e);
}

fn n_tiles() -> u32 { return (u.d_mlp + 1u) / 2u; }
fn tile_rows(tile: u32) -> vec4u {
  let f = min(tile * 2u + vec2u(0u, 1u), vec2u(u.d_mlp - 1u));
  return vec4u(f, f + u.d_mlp);
}
fn store(b: u32, tile: u32, dots: vec4f) {
  let f = tile * 2u;
  let i = b * u.d_mlp + f;
  let result = silu(dots.xy) * dots.zw;
  y[i] = result.x;
  if (f + 1u < u.d_mlp) { y[i + 1u] = result.y; }
}

#import decode_main
