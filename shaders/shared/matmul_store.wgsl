// What every matrix product does with a finished element: y[z, row, col] = value (+ bias[col]) (+ add_to[z, row, col]).
// The importer declares bias: [n], add_to and y: [n_z, m, n], and uniforms with m and n.
override HAS_BIAS: bool = false;
override HAS_ADD: bool = false;

// Call with row < m and col < n.
fn store(z: u32, row: u32, col: u32, value: f32) {
  let i = (z * u.m + row) * u.n + col;
  var v = value;
  if (HAS_BIAS) { v += bias[col]; }
  if (HAS_ADD) { v += add_to[i]; }
  y[i] = v;
}

// Column i of `block` holds four neighbours of output row row + i. Loops with bounds known only at run time:
// sixteen guarded stores in a row would take a compiler for the CPU longer than all the rest of a kernel.
fn store_block(z: u32, row: u32, col: u32, block: mat4x4f) {
  var rows = block;
  for (var i = 0u; i < 4u && row + i < u.m; i++) {
    for (var j = 0u; j < 4u && col + j < u.n; j++) { store(z, row + i, col + j, rows[i][j]); }
  }
}

// Four rows times four columns: column i of the result is a[i] * b.
fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(a.x * b, a.y * b, a.z * b, a.w * b);
}
