// Loads of x [n_batch, d_in] and w [n_rows, d_in] in quads (4 neighbours of the inner axis), d_in a multiple
// of 4. The importer binds x: array<vec4f>, w: array<vec4<elem>> and has u.d_in.
fn n_quads() -> u32 { return u.d_in / 4u; }
// Where rows start, for the `start` of the loads.
fn row_starts(rows: vec4u) -> vec4u { return rows * (u.d_in / 4u); }
fn input4(start: u32, quad: u32) -> vec4f { return x[start + quad]; }
fn weight4(start: u32, quad: u32) -> vec4f { return vec4f(w[start + quad]); }
