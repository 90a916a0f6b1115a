// SwiGLU: y[n,f] = silu(gate) * up,  gate = gate_up[n,f],  up = gate_up[n, d_mlp + f],  silu(a) = a * sigmoid(a)
// gate_up: [n_rows, 2 * d_mlp], gate columns first; y: [n_rows, d_mlp]. One invocation per element of y.
// Source: Shazeer 2020 (arXiv 2002.05202), §2.   Twin: gpu/ops/swiglu.ts `swigluTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, d_mlp: u32 }

@group(0) @binding(0) var<storage, read> gate_up: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

#import sigmoid

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let at = i + i / u.d_mlp * u.d_mlp;
  let gate = gate_up[at];
  y[i] = gate * sigmoid(gate) * gate_up[at + u.d_mlp];
}
