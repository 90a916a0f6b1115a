// First stage of the global gradient norm: partial sums of squares of up to six tensors in one dispatch.
//   partials[offset + slot * n_groups + g] = sum over chunk g of tensor `slot` of x^2,  or -1 where a NaN or an infinity is in it
// Element i belongs to chunk (i / WG_SIZE) mod n_groups. g0 ... g5: [n0] ... [n5]; an unused slot has n = 0.
// Grid: n_groups x 6. Non-finite values are told by their bits, since a device may assume that there are none.
// Twin: gpu/optim/gradient_norm.ts `gradientNormTwin`.
override WG_SIZE: u32 = 256;

struct Uniforms { n0: u32, n1: u32, n2: u32, n3: u32, n4: u32, n5: u32, offset: u32, n_groups: u32 }

@group(0) @binding(0) var<storage, read> g0: array<f32>;
@group(0) @binding(1) var<storage, read> g1: array<f32>;
@group(0) @binding(2) var<storage, read> g2: array<f32>;
@group(0) @binding(3) var<storage, read> g3: array<f32>;
@group(0) @binding(4) var<storage, read> g4: array<f32>;
@group(0) @binding(5) var<storage, read> g5: array<f32>;
@group(0) @binding(6) var<storage, read_write> partials: array<f32>;
@group(0) @binding(7) var<uniform> u: Uniforms;

#import reduce
#import finite

var<workgroup> n_bad: atomic<u32>;

fn add_square(sum: f32, x: f32) -> f32 {
  if (!is_finite(x)) { atomicAdd(&n_bad, 1u); return sum; }
  return sum + x * x;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let first = wg.x * WG_SIZE + lid;
  let stride = u.n_groups * WG_SIZE;
  var sum = 0.0;
  switch (wg.y) {
    case 0u: { for (var i = first; i < u.n0; i += stride) { sum = add_square(sum, g0[i]); } }
    case 1u: { for (var i = first; i < u.n1; i += stride) { sum = add_square(sum, g1[i]); } }
    case 2u: { for (var i = first; i < u.n2; i += stride) { sum = add_square(sum, g2[i]); } }
    case 3u: { for (var i = first; i < u.n3; i += stride) { sum = add_square(sum, g3[i]); } }
    case 4u: { for (var i = first; i < u.n4; i += stride) { sum = add_square(sum, g4[i]); } }
    default: { for (var i = first; i < u.n5; i += stride) { sum = add_square(sum, g5[i]); } }
  }
  let total = workgroup_sum(lid, sum);
  if (lid == 0u) { partials[u.offset + wg.y * u.n_groups + wg.x] = select(total, -1.0, atomicLoad(&n_bad) > 0u); }
}
