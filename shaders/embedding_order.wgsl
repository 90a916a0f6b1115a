// Stable sort of the positions by their id, for the scatter-add: order[rank[n]] = n with
//   rank[n] = #{m : ids[m] < ids[n]} + #{m < n : ids[m] == ids[n]},   start[v] = rank of the first position of id v
// ids, order: [n_ids]; start: [n_rows]. start[v] is written only for ids that occur; a reader checks that
// ids[order[start[v]]] == v, which no left-over value can satisfy for a v that does not occur.
// One invocation per position: n_ids^2 comparisons of ids that all invocations read together, no barrier.
// Twin: none of its own, see gpu/ops/embedding.ts `scatterRowsTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms { n_ids: u32, n_rows: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read_write> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> start: array<u32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (wg.x + wg.y * nwg.x) * WG_SIZE + lid;
  if (n >= u.n_ids) { return; }
  let id = ids[n];
  var n_smaller = 0u;
  var n_earlier = 0u;
  for (var m = 0u; m < u.n_ids; m++) {
    n_smaller += select(0u, 1u, ids[m] < id);
    n_earlier += select(0u, 1u, ids[m] == id && m < n);
  }
  order[n_smaller + n_earlier] = n;
  if (n_earlier == 0u && id < u.n_rows) { start[id] = n_smaller; }
}
