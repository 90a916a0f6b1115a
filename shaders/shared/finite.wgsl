// Whether x is neither NaN nor infinite, told by the bits: a device may assume that neither occurs.
fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
