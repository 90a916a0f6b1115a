// Activations of the form f(x) = x * gate(x), and their slopes, chosen by KIND:
//   0 relu        gate = [x > 0]
//   1 silu        gate = sigmoid(x)
//   2 gelu, tanh  gate = (1 + tanh(s)) / 2 = sigmoid(2s),  s = sqrt(2/pi) (x + 0.044715 x^3)
//   3 gelu        gate = Phi(x) = (1 + erf(x / sqrt 2)) / 2
// erf is Abramowitz & Stegun 7.1.26 (absolute error 1.5e-7), used as erfc so that nothing cancels for x < 0.
// Source: Hendrycks & Gimpel 2016 (arXiv 1606.08415).
override KIND: u32 = 0;

#import sigmoid

const SQRT_8_OVER_PI = 1.5957691216057308;
const CUBIC = 0.044715;

fn normal_cdf(x: f32) -> f32 {
  let z = min(abs(x), 100.0) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * poly * exp(-z * z);
  return select(tail, 1.0 - tail, x >= 0.0);
}

fn activation_gate(x: f32) -> f32 {
  if (KIND == 0u) { return select(0.0, 1.0, x > 0.0); }
  if (KIND == 1u) { return sigmoid(x); }
  if (KIND == 2u) { return sigmoid(SQRT_8_OVER_PI * (x + CUBIC * x * x * x)); }
  return normal_cdf(x);
}

fn activation_slope(x: f32) -> f32 {
  let gate = activation_gate(x);
  if (KIND == 0u) { return gate; }
  if (KIND == 1u) { return gate * (1.0 + x * sigmoid(-x)); }
  if (KIND == 2u) {
    let other = sigmoid(-SQRT_8_OVER_PI * (x + CUBIC * x * x * x));
    return gate + x * gate * other * SQRT_8_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
  }
  let near = clamp(x, -100.0, 100.0);
  return gate + near * 0.3989422804014327 * exp(-0.5 * near * near);
}
