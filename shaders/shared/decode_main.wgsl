// Entry point of the matrix–vector kernels of decoding. Each group of LANES invocations takes TILES tiles of four
// rows for BATCH batch rows. Grid: tiles in x (folded into y), batch rows in z. The importer gives
// n_tiles(), tile_rows(tile) and store(batch row, tile, dots of the tile's rows).
#import decode_rows

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n_groups = WG_SIZE / LANES;
  let tile = (wg.x + wg.y * nwg.x) * n_groups * TILES + lid / LANES;
  let more = tile + n_groups;
  let first = wg.z * BATCH;
  let last_tile = n_tiles() - 1u;
  let dots = row_dots(tile_rows(min(tile, last_tile)), tile_rows(min(more, last_tile)), first, lid);
  if (lid % LANES != 0u) { return; }
  for (var i = 0u; i < min(BATCH, u.n_batch - first); i++) {
    if (tile <= last_tile) { store(first + i, tile, dots[i]); }
    if (TILES > 1u && more <= last_tile) { store(first + i, more, dots[4u + i]); }
  }
}
