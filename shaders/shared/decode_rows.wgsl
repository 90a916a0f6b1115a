// The heart of decoding: dots of four weight rows with BATCH (1, 2 or 4) rows of x, so that every weight is
// loaded once for the batch and every x once for four rows. LANES invocations share a row; with LANES > 1
// they read neighbouring quads (coalesced), with LANES = 1 there is no barrier and no workgroup memory left.
// The importer gives n_quads(), input4(row, quad), weight4(row, quad), gain4(quad), row_scale(squares) and
// u.n_batch. LANES divides WG_SIZE; both are powers of two.
override WG_SIZE: u32 = 64;
override LANES: u32 = 32;
override BATCH: u32 = 1;

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

fn dot_rows(x: vec4f, w: mat4x4f) -> vec4f {
  return vec4f(dot(w[0], x), dot(w[1], x), dot(w[2], x), dot(w[3], x));
}

// Column b holds, for batch row first + b, the scaled dots of `rows`. Right in lane 0 of each group.
fn row_dots(rows: vec4u, first: u32, lid: u32) -> mat4x4f {
  let last = u.n_batch - 1u;
  let batch = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(last));
  var a = vec4f();
  var b = vec4f();
  var c = vec4f();
  var d = vec4f();
  var squares = vec4f();
  for (var quad = lid % LANES; quad < n_quads(); quad += LANES) {
    let w = mat4x4f(weight4(rows.x, quad), weight4(rows.y, quad), weight4(rows.z, quad), weight4(rows.w, quad));
    let gain = gain4(quad);
    let x0 = input4(batch.x, quad);
    squares.x += dot(x0, x0);
    a += dot_rows(x0 * gain, w);
    if (BATCH > 1u) {
      let x1 = input4(batch.y, quad);
      squares.y += dot(x1, x1);
      b += dot_rows(x1 * gain, w);
    }
    if (BATCH > 2u) {
      let x2 = input4(batch.z, quad);
      let x3 = input4(batch.w, quad);
      squares.z += dot(x2, x2);
      squares.w += dot(x3, x3);
      c += dot_rows(x2 * gain, w);
      d += dot_rows(x3 * gain, w);
    }
  }
  squares = lane_sum(lid, squares);
  a = lane_sum(lid, a) * row_scale(squares.x);
  if (BATCH > 1u) { b = lane_sum(lid, b) * row_scale(squares.y); }
  if (BATCH > 2u) {
    c = lane_sum(lid, c) * row_scale(squares.z);
    d = lane_sum(lid, d) * row_scale(squares.w);
  }
  return mat4x4f(a, b, c, d);
}
