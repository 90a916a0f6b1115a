// What all tensors of one optimiser step share, from the partial sums of squares of the gradients:
//   norm = sqrt(sum partials);   clip = min(1, max_norm / (norm + 1e-6)),  or 1 where max_norm = 0 (no clipping)
//   t <- t + 1;   correction_k = 1 / (1 - beta_k^t)
// If any partial is negative (a gradient was NaN or infinite) or the sum overflows, then clip = 0, which says
// "skip", norm = -1, and t stays.
// partials: [n]; state: [5] = clip, correction1, correction2, t, norm. ln_beta = ln(beta) from the CPU in float64:
// 1 - exp(t ln beta) by its Taylor series where |t ln beta| < 1/2, so nothing cancels.
// One workgroup. Source: methods reference 1.2 and 1.3.   Twin: gpu/optim/gradient_norm.ts `clipFactorTwin`.
override WG_SIZE: u32 = 256;

struct Uniforms { n: u32, max_norm: f32, ln_beta1: f32, ln_beta2: f32 }

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import reduce
#import finite

// 1 - exp(x) for x <= 0.
fn one_minus_exp(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  var sum = 0.0;
  for (var k = 10.0; k > 1.5; k -= 1.0) { sum = x / k * (1.0 + sum); }
  return -x * (1.0 + sum);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(local_invocation_index) lid: u32) {
  var sum = 0.0;
  var n_bad = 0.0;
  for (var i = lid; i < u.n; i += WG_SIZE) {
    if (partials[i] < 0.0) { n_bad += 1.0; } else { sum += partials[i]; }
  }
  let total = workgroup_sum(lid, sum);
  let all_bad = workgroup_sum(lid, n_bad);
  if (lid != 0u) { return; }
  if (all_bad > 0.0 || !is_finite(total)) {
    state[0] = 0.0;
    state[4] = -1.0;
    return;
  }
  let norm = sqrt(total);
  let t = state[3] + 1.0;
  state[0] = select(1.0, min(1.0, u.max_norm / (norm + 1e-6)), u.max_norm > 0.0);
  state[1] = 1.0 / one_minus_exp(t * u.ln_beta1);
  state[2] = 1.0 / one_minus_exp(t * u.ln_beta2);
  state[3] = t;
  state[4] = norm;
}
