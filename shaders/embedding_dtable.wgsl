// Embedding, gradient of the table (scatter-add): d_table[v,d] = sum_{n : ids[n] == v} dy[n,d], summed in order of n
// ids, order: [n_ids]; start: [n_rows] (see embedding_order.wgsl); dy: [n_ids, d_model]; d_table: [n_rows, d_model],
// n = n_rows * d_model elements. One invocation per element of d_table, zeros included.
// Twin: gpu/ops/embedding.ts `scatterRowsTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, d_model: u32, n_ids: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> start: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_table: array<f32>;
@group(0) @binding(5) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let row = i / u.d_model;
  let col = i % u.d_model;
  var sum = 0.0;
  for (var k = start[row]; k < u.n_ids; k++) {
    let at = order[k];
    if (ids[at] != row) { break; }
    sum += dy[at * u.d_model + col];
  }
  d_table[i] = sum;
}
