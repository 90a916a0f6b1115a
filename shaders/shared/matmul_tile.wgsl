// The workgroup tile of a matrix product; `matmul_tiled` and `matmul_tiled_vec4` differ only in how they
// fetch four neighbours in memory. A workgroup of 128 computes TILE_M x 64 elements of y: per step of 16 in k
// it brings TILE_M x 16 of a and 16 x 64 of b into workgroup memory, turned so that k is the outer axis, and
// each invocation multiplies TILE_M / 8 rows by 4 columns from there. TILE_M is 32 or 64.
// The importer declares TRANSPOSE_A, TRANSPOSE_B, the bindings and `fetch_a`, `fetch_b`: (base, outer, inner)
// -> a[base + outer * width + inner .. + 3] as memory has it, with zeros outside the matrix.
override TILE_M: u32 = 64;
const TILE_K = 16u;
const PITCH = 17u; // vec4s from one k to the next: 16 and one more, so that neighbours in k use other banks

#import matmul_store

var<workgroup> tile_a: array<vec4f, TILE_K * PITCH>;
var<workgroup> tile_b: array<vec4f, TILE_K * PITCH>;

// Four by four numbers with k as the outer axis, from where memory has (outer, inner) as their first.
fn load_a(base: u32, outer: u32, inner: u32) -> mat4x4f {
  let v = mat4x4f(fetch_a(base, outer, inner), fetch_a(base, outer + 1u, inner), fetch_a(base, outer + 2u, inner), fetch_a(base, outer + 3u, inner));
  if (TRANSPOSE_A) { return v; }
  return transpose(v);
}

fn load_b(base: u32, outer: u32, inner: u32) -> mat4x4f {
  let v = mat4x4f(fetch_b(base, outer, inner), fetch_b(base, outer + 1u, inner), fetch_b(base, outer + 2u, inner), fetch_b(base, outer + 3u, inner));
  if (TRANSPOSE_B) { return transpose(v); }
  return v;
}

fn multiply(lid: vec3u, kk: u32, y0: ptr<function, mat4x4f>, y1: ptr<function, mat4x4f>) {
  let w = tile_b[kk * PITCH + lid.x];
  if (TILE_M == 64u) {
    *y0 += outer(tile_a[kk * PITCH + lid.y * 2u], w);
    *y1 += outer(tile_a[kk * PITCH + lid.y * 2u + 1u], w);
  } else {
    *y0 += outer(tile_a[kk * PITCH + lid.y], w);
  }
}

@compute @workgroup_size(16, 8)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(local_invocation_index) index: u32) {
  let g = wg.z / u.splits;
  let first = (wg.z % u.splits) * u.k_chunk;
  let last = min(first + u.k_chunk, u.k);
  let row = wg.y * TILE_M;
  let col = wg.x * 64u;
  let a_base = g * u.a_batch;
  let b_base = g * u.b_batch;

  // The first 64 invocations load b, the next TILE_M load a: each a block of four k by four columns (rows).
  // Neighbouring invocations take blocks that are neighbours in memory.
  let is_a = index >= 64u;
  let i = index % 64u;
  let k_inner = select(TRANSPOSE_B, !TRANSPOSE_A, is_a);
  let n_blocks = select(16u, TILE_M / 4u, is_a);
  let block_k = select(i / n_blocks, i % 4u, k_inner) * 4u;
  let block = select(i % n_blocks, i / 4u, k_inner);
  let is_loading = !is_a || i < TILE_M;

  var y0 = mat4x4f();
  var y1 = mat4x4f();
  for (var k0 = first; k0 < last; k0 += TILE_K) {
    workgroupBarrier();
    let k = k0 + block_k;
    let at = block_k * PITCH + block;
    if (is_a && is_loading) {
      let m = row + block * 4u;
      let v = load_a(a_base, select(m, k, TRANSPOSE_A), select(k, m, TRANSPOSE_A));
      tile_a[at] = v[0]; tile_a[at + PITCH] = v[1]; tile_a[at + 2u * PITCH] = v[2]; tile_a[at + 3u * PITCH] = v[3];
    } else if (!is_a) {
      let n = col + block * 4u;
      let v = load_b(b_base, select(k, n, TRANSPOSE_B), select(n, k, TRANSPOSE_B));
      tile_b[at] = v[0]; tile_b[at + PITCH] = v[1]; tile_b[at + 2u * PITCH] = v[2]; tile_b[at + 3u * PITCH] = v[3];
    }
    workgroupBarrier();
    // Four steps written out, and as many times four as this tile has: past the end of k it holds zeros.
    for (var kk = 0u; kk < TILE_K && k0 + kk < last; kk += 4u) {
      multiply(lid, kk, &y0, &y1);
      multiply(lid, kk + 1u, &y0, &y1);
      multiply(lid, kk + 2u, &y0, &y1);
      multiply(lid, kk + 3u, &y0, &y1);
    }
  }
  let at_row = row + lid.y * (TILE_M / 8u);
  store_block(wg.z, at_row, col + lid.x * 4u, y0);
  if (TILE_M == 64u) { store_block(wg.z, at_row + 4u, col + lid.x * 4u, y1); }
}
