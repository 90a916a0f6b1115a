// AdamW with decoupled decay, in place; g = clip * grad, corrections from optimizer_prepare.wgsl:
//   m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
//   p <- p - lr (m correction1 / (sqrt(v correction2) + eps) + decay p)      (decay uses p before the step)
// clip = 0 means that a gradient was not finite: nothing changes.
// p, m, v, grad: [n]; state: [5] = clip, correction1, correction2, t, norm. One invocation per element.
// Source: Loshchilov & Hutter 2019 (arXiv 1711.05101), Algorithm 2; methods reference 1.2.
// Twin: gpu/optim/adamw.ts `adamwTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, lr: f32, beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32, eps: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let clip = state[0];
  if (i >= u.n || clip == 0.0) { return; }
  let g = clip * grad[i];
  let m_new = u.beta1 * m[i] + u.one_minus_beta1 * g;
  let v_new = u.beta2 * v[i] + u.one_minus_beta2 * g * g;
  m[i] = m_new;
  v[i] = v_new;
  let before = p[i];
  p[i] = before - u.lr * (m_new * state[1] / (sqrt(v_new * state[2]) + u.eps) + u.decay * before);
}
