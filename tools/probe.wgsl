// The least a device must do: y[i] = 3·x[i] + i. `tools/probe.mjs` asks it of Dawn, `e2e/smoke.spec.ts` of a page.
@group(0) @binding(0) var<storage, read> x: array<u32>;        // [n]
@group(0) @binding(1) var<storage, read_write> y: array<u32>;  // [n]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) {
    y[id.x] = 3u * x[id.x] + id.x;
  }
}
