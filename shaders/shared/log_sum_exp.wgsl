// log(sum(exp(x))) of a row spread over a workgroup, in one pass over the row. The importer imports `reduce`.
// `RunningSum` holds what one invocation has seen: its maximum and sum(exp(x - maximum)).
// The starting maximum is a finite stand-in for minus infinity: kernels hold no infinities.
struct RunningSum { max: f32, sum: f32 }

fn running_sum_start() -> RunningSum { return RunningSum(-1e30, 0.0); }

fn running_sum_add(s: RunningSum, x: f32) -> RunningSum {
  if (x > s.max) { return RunningSum(x, s.sum * exp(s.max - x) + 1.0); }
  return RunningSum(s.max, s.sum + exp(x - s.max));
}

// The maximum and the sum over all invocations; call in uniform control flow.
fn running_sum_all(lid: u32, s: RunningSum) -> RunningSum {
  let all_max = workgroup_max(lid, s.max);
  return RunningSum(all_max, workgroup_sum(lid, s.sum * exp(s.max - all_max)));
}
