// Gradient descent with decoupled decay, in place:   p <- p - lr (clip * grad + decay p)
// clip = 0 means that a gradient was not finite: nothing changes.
// p, grad: [n]; state: [5] = clip and four more that are not read (optimizer_prepare.wgsl). One invocation per element.
// Twin: gpu/optim/sgd.ts `sgdTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, lr: f32, decay: f32 }

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  let clip = state[0];
  if (i >= u.n || clip == 0.0) { return; }
  p[i] -= u.lr * (clip * grad[i] + u.decay * p[i]);
}
