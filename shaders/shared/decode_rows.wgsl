// The heart of decoding: dots of TILES (1 or 2) tiles of four weight rows with BATCH (1, 2 or 4) rows of x, so
// that every weight is loaded once for the batch and every x once for four or eight rows. LANES invocations share
// a row; with LANES > 1 they read neighbouring quads (coalesced), with LANES = 1 there is no barrier and no
// workgroup memory left. The importer gives n_quads(), row_starts(rows), input4(start, quad),
// weight4(start, quad), gain4(quad), row_scale(squares) and u.n_batch. LANES divides WG_SIZE; both are powers of two.
override WG_SIZE: u32 = 64;
override LANES: u32 = 32;
override BATCH: u32 = 1;
override TILES: u32 = 1;

var<workgroup> lane_partial: array<vec4f, WG_SIZE>;

// Sum over the LANES invocations of a group, right in lane 0. Call in uniform control flow.
fn lane_sum(lid: u32, part: vec4f) -> vec4f {
  if (LANES == 1u) { return part; }
  lane_partial[lid] = part;
  workgroupBarrier();
  for (var s = LANES / 2u; s > 0u; s /= 2u) {
    if (lid % LANES < s) { lane_partial[lid] += lane_partial[lid + s]; }
    workgroupBarrier();
  }
  let total = lane_partial[lid];
  workgroupBarrier();
  return total;
}

fn tile_weights(starts: vec4u, quad: u32) -> mat4x4f {
  return mat4x4f(weight4(starts.x, quad), weight4(starts.y, quad), weight4(starts.z, quad), weight4(starts.w, quad));
}

fn dot_rows(x: vec4f, w: mat4x4f) -> vec4f {
  return vec4f(dot(w[0], x), dot(w[1], x), dot(w[2], x), dot(w[3], x));
}

// Column b holds, for batch row first + b, the scaled dots of a tile's rows; a second tile follows in columns 4 to
// 7. Right in lane 0 of each group.
fn row_dots(rows: vec4u, more_rows: vec4u, first: u32, lid: u32) -> array<vec4f, 8> {
  let starts = row_starts(rows);
  let more_starts = row_starts(more_rows);
  let inputs = row_starts(min(first + vec4u(0u, 1u, 2u, 3u), vec4u(u.n_batch - 1u)));
  let end = n_quads();
  var a0 = vec4f();
  var a1 = vec4f();
  var a2 = vec4f();
  var a3 = vec4f();
  var b0 = vec4f();
  var b1 = vec4f();
  var b2 = vec4f();
  var b3 = vec4f();
  var squares = vec4f();
  for (var quad = lid % LANES; quad < end; quad += LANES) {
    let gain = gain4(quad);
    let w = tile_weights(starts, quad);
    var more: mat4x4f;
    if (TILES > 1u) { more = tile_weights(more_starts, quad); }
    let x0 = input4(inputs.x, quad);
    squares.x += dot(x0, x0);
    a0 += dot_rows(x0 * gain, w);
    if (TILES > 1u) { b0 += dot_rows(x0 * gain, more); }
    if (BATCH > 1u) {
      let x1 = input4(inputs.y, quad);
      squares.y += dot(x1, x1);
      a1 += dot_rows(x1 * gain, w);
      if (TILES > 1u) { b1 += dot_rows(x1 * gain, more); }
    }
    if (BATCH > 2u) {
      let x2 = input4(inputs.z, quad);
      let x3 = input4(inputs.w, quad);
      squares.z += dot(x2, x2);
      squares.w += dot(x3, x3);
      a2 += dot_rows(x2 * gain, w);
      a3 += dot_rows(x3 * gain, w);
      if (TILES > 1u) {
        b2 += dot_rows(x2 * gain, more);
        b3 += dot_rows(x3 * gain, more);
      }
    }
  }
  squares = lane_sum(lid, squares);
  var dots = array<vec4f, 8>(a0, a1, a2, a3, b0, b1, b2, b3);
  for (var i = 0u; i < BATCH; i++) {
    let scale = row_scale(squares[i]);
    dots[i] = lane_sum(lid, dots[i]) * scale;
    if (TILES > 1u) { dots[4u + i] = lane_sum(lid, dots[4u + i]) * scale; }
  }
  return dots;
}
