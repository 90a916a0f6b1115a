// SwiGLU, gradient: with s = sigmoid(gate),
//   d_gate = dy * up * s * (1 + gate * (1 - s));   d_up = dy * gate * s
// gate_up, d_gate_up: [n_rows, 2 * d_mlp], gate columns first; dy: [n_rows, d_mlp]. One invocation per element of dy.
// Twin: gpu/ops/swiglu.ts `swigluBackwardTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, d_mlp: u32 }

@group(0) @binding(0) var<storage, read> gate_up: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_gate_up: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import sigmoid

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let at = i + i / u.d_mlp * u.d_mlp;
  let gate = gate_up[at];
  let s = sigmoid(gate);
  d_gate_up[at] = dy[i] * gate_up[at + u.d_mlp] * s * (1.0 + gate * sigmoid(-gate));
  d_gate_up[at + u.d_mlp] = dy[i] * gate * s;
}
