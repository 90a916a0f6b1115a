// As decode_norm, for any d_in; norm_weight: array<f32>. Past the end of a row x is zero already.
fn gain4(quad: u32) -> vec4f {
  let i = min(quad * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(u.d_in - 1u));
  return vec4f(norm_weight[i.x], norm_weight[i.y], norm_weight[i.z], norm_weight[i.w]);
}
fn row_scale(squares: f32) -> f32 { return inverseSqrt(squares / f32(u.d_in) + u.eps); }
