// Counter-based random bits: four u32 in, four u32 out; `lib/random.ts` gives the same bits.
// Source: pcg4d of Jarzynski & Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
fn pcg4d(seed: vec4u) -> vec4u {
  var v = seed * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// u32 -> [0, 1) with 24 bits, exact in f32.
fn unit_float(bits: u32) -> f32 {
  return f32(bits >> 8u) * 0x1p-24;
}
