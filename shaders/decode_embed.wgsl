// Embedding rows of one token per batch row: x[b,d] = table[ids[b], d]
// ids: [n_batch] u32, each below d_vocab (one past it reads the last row); table: [d_vocab, d_model] elem;
// x: [n_batch, d_model] f32. One invocation per element. Twin: gpu/ops/decode_embed.ts `decodeEmbedTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_batch: u32, d_model: u32, d_vocab: u32 }

@group(0) @binding(0) var<storage, read> table: array<elem>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(global_invocation_id) at: vec3u) {
  let i = at.x;
  if (i >= u.n_batch * u.d_model) { return; }
  let id = min(ids[i / u.d_model], u.d_vocab - 1u);
  x[i] = f32(table[id * u.d_model + i % u.d_model]);
}
