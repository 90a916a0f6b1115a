// Entry point of the matrix–vector kernels of decoding. Each group of LANES invocations takes one tile of four
// rows for BATCH batch rows. Grid: tiles in x (folded into y), batch rows in z. The importer gives
// n_tiles(), tile_rows(tile) and store(batch row, tile, dots of the tile's rows).
#import decode_rows

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let tile = (wg.x + wg.y * nwg.x) * (WG_SIZE / LANES) + lid / LANES;
  let first = wg.z * BATCH;
  let dots = row_dots(tile_rows(min(tile, n_tiles() - 1u)), first, lid);
  if (tile >= n_tiles() || lid % LANES != 0u) { return; }
  store(first, tile, dots[0]);
  if (BATCH > 1u && first + 1u < u.n_batch) { store(first + 1u, tile, dots[1]); }
  if (BATCH > 2u && first + 2u < u.n_batch) { store(first + 2u, tile, dots[2]); }
  if (BATCH > 2u && first + 3u < u.n_batch) { store(first + 3u, tile, dots[3]); }
}
