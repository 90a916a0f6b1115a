// Products of 32 x 32 tiles in workgroup memory for attention, by 64 invocations as 8 x 8 (ty = lid / 8,
// tx = lid % 8). A tile has 32 rows of 8 vec4f (a 32-wide chunk of a head), rows TILE_STRIDE apart so that eight
// neighbouring rows lie in different banks. Invocation (ty, tx) owns rows ty + 8 r and columns tx + 8 c, r, c < 4,
// of a 32 x 32 result: a mat4x4f whose column vector r is result row ty + 8 r.
const MASKED = -1e30;
const TILE = 32u;
const TILE_STRIDE = 9u;
const N_INVOCATIONS = 64u;
// d_head is at most 4 * 8 * MAX_CHUNKS.
const MAX_CHUNKS = 4u;

var<workgroup> tile_a: array<vec4f, TILE * TILE_STRIDE>;
var<workgroup> tile_b: array<vec4f, TILE * TILE_STRIDE>;
// A 32 x 32 matrix in the owners' layout: [row, tx] holds columns tx, tx + 8, tx + 16, tx + 24.
var<workgroup> tile_p: array<vec4f, TILE * TILE_STRIDE>;
// One number per row and tx.
var<workgroup> row_parts: array<f32, TILE * 8>;

// sum + A B^T over the first n vec4 columns of the tiles.
fn tile_product(ty: u32, tx: u32, n: u32, sum: mat4x4f) -> mat4x4f {
  var s = sum;
  let a = ty * TILE_STRIDE;
  let b = tx * TILE_STRIDE;
  const STEP = 8u * TILE_STRIDE;
  for (var k = 0u; k < n; k++) {
    let columns = mat4x4f(tile_b[b + k], tile_b[b + STEP + k], tile_b[b + 2u * STEP + k], tile_b[b + 3u * STEP + k]);
    s[0] += tile_a[a + k] * columns;
    s[1] += tile_a[a + STEP + k] * columns;
    s[2] += tile_a[a + 2u * STEP + k] * columns;
    s[3] += tile_a[a + 3u * STEP + k] * columns;
  }
  return s;
}

// sum + P B: here the result is 32 rows by one chunk, row r of the mat4x4f being vec4 column tx of row ty + 8 r.
fn tile_apply(ty: u32, tx: u32, sum: mat4x4f) -> mat4x4f {
  var s = sum;
  let p = ty * TILE_STRIDE;
  const STEP = 8u * TILE_STRIDE;
  for (var k = 0u; k < 8u; k++) {
    let b = k * TILE_STRIDE + tx;
    let rows = mat4x4f(tile_b[b], tile_b[b + STEP], tile_b[b + 2u * STEP], tile_b[b + 3u * STEP]);
    s[0] += rows * tile_p[p + k];
    s[1] += rows * tile_p[p + STEP + k];
    s[2] += rows * tile_p[p + 2u * STEP + k];
    s[3] += rows * tile_p[p + 3u * STEP + k];
  }
  return s;
}
