// Workgroup tree sum and maximum over one f32 per invocation. The importer declares `override WG_SIZE: u32`
// (a power of two). Call in uniform control flow. `workgroupUniformLoad` has barriers on both sides, so calls
// may follow each other directly.
var<workgroup> reduce_scratch: array<f32, WG_SIZE>;

fn workgroup_sum(lid: u32, x: f32) -> f32 {
  reduce_scratch[lid] = x;
  workgroupBarrier();
  for (var s = WG_SIZE / 2u; s > 0u; s /= 2u) {
    if (lid < s) { reduce_scratch[lid] += reduce_scratch[lid + s]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&reduce_scratch[0]);
}

fn workgroup_max(lid: u32, x: f32) -> f32 {
  reduce_scratch[lid] = x;
  workgroupBarrier();
  for (var s = WG_SIZE / 2u; s > 0u; s /= 2u) {
    if (lid < s) { reduce_scratch[lid] = max(reduce_scratch[lid], reduce_scratch[lid + s]); }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&reduce_scratch[0]);
}
