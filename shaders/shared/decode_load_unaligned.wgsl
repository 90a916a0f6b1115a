// As decode_load, for any d_in: the last quad of a row is filled up with zeros.
// The importer binds x: array<f32>, w: array<elem> and has u.d_in.
fn n_quads() -> u32 { return (u.d_in + 3u) / 4u; }
fn row_starts(rows: vec4u) -> vec4u { return rows * u.d_in; }
fn input4(start: u32, quad: u32) -> vec4f {
  let d = quad * 4u + vec4u(0u, 1u, 2u, 3u);
  let i = start + min(d, vec4u(u.d_in - 1u));
  return select(vec4f(), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), d < vec4u(u.d_in));
}
fn weight4(start: u32, quad: u32) -> vec4f {
  let d = quad * 4u + vec4u(0u, 1u, 2u, 3u);
  let i = start + min(d, vec4u(u.d_in - 1u));
  return select(vec4f(), vec4f(f32(w[i.x]), f32(w[i.y]), f32(w[i.z]), f32(w[i.w])), d < vec4u(u.d_in));
}
