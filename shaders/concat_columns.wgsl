// y[i, first + c] = x[i, c], c < n_cols: one part of a concatenation along columns; other columns stay as they are.
// x: [n_rows, n_cols]; y: [n_rows, width]; n = n_rows n_cols.   Twin: gpu/ops/columns.ts `concatColumnsTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, n_cols: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i < u.n) { y[(i / u.n_cols) * u.width + u.first + i % u.n_cols] = x[i]; }
}
