// f32 -> u32 with the same order: a < b exactly where order_key(a) < order_key(b). Both zeros have one key.
// NaN has key 0, below everything; no other value has it.
fn order_key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0u; }
  if (magnitude == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
