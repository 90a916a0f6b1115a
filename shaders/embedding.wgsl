// Embedding: y[n,d] = table[ids[n], d], or 0 where ids[n] is no row of the table
// table: [n_rows, d_model], f32 or f16; ids: [n_ids]; y: [n_ids, d_model], n = n_ids * d_model elements.
// One invocation per element of y.   Twin: gpu/ops/embedding.ts `embeddingTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n: u32, d_model: u32, n_rows: u32 }

@group(0) @binding(0) var<storage, read> table: array<elem>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (i >= u.n) { return; }
  let id = ids[i / u.d_model];
  if (id >= u.n_rows) { y[i] = 0.0; return; }
  y[i] = f32(table[id * u.d_model + i % u.d_model]);
}
