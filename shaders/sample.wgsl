// One token per row. temperature = 0: the largest logit, the lowest id among equals. Otherwise, in this order:
//   p = softmax(logits / temperature)
//   top-k: the k largest, lower ids first among equals (0 = off)
//   top-p: of what is left, the fewest largest whose share of its mass reaches top_p, lower ids first among equals
//          (top_p >= 1 = off; always at least one)
//   min-p: p_i >= min_p * max p (0 = off)
//   the smallest id whose cumulated share of the kept mass, in id order, exceeds uniform(seed, row, step)
// logprobs[n] is that of the token under softmax(logits), without temperature and filters.
// logits: [n_rows, d_vocab]; ids, logprobs: [n_rows]. One workgroup per row.
// No sort: "the largest t for which the weight of all tokens with order >= t is at least a target" is found three
// bits of t at a time, where order is the logit's order-preserving key, the id, or the id from the back.
// Sums run in one fixed order and never decrease when terms are added, so the search cannot miss.
// Sources: Fan et al. 2018 (1805.04833) top-k; Holtzman et al. 2020 (1904.09751) top-p; Nguyen et al. 2024
// (2407.01082) min-p.   Twin: gpu/ops/sample.ts `sampleTwin`.
override WG_SIZE: u32 = 64;

struct Uniforms {
  n_rows: u32, d_vocab: u32, temperature: f32, top_k: u32, top_p: f32, min_p: f32, seed: u32, step: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> logprobs: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;

#import reduce
#import log_sum_exp
#import order_key
#import pcg4d

const BY_KEY = 0u;
const BY_ID = 1u;
const BY_ID_FROM_BACK = 2u;

// One loop over these holds the only search, so that it is compiled once and not five times.
const TOP_K = 0u;
const TOP_K_TIES = 1u;
const TOP_P = 2u;
const TOP_P_TIES = 3u;
const CHOOSE = 4u;
const N_STAGES = 5u;

// A token is kept where its key is above min_key, or equals it with id <= last_id, and its mass is at least min_mass.
struct Kept { min_key: u32, last_id: u32, min_mass: f32 }

struct Weight { key: u32, count: f32, mass: f32 }

// What lies above a key, and what has that very key.
struct Split { count_above: f32, mass_above: f32, count_equal: f32, mass_equal: f32 }

var<workgroup> partial: array<f32, 8 * WG_SIZE>;
var<workgroup> part: array<f32, 64>;
var<workgroup> totals: array<f32, 8>;
var<workgroup> greedy_from_back: atomic<u32>;

// Sums of eight numbers over the workgroup in three steps of a fixed order: few barriers, and code that is small
// when it is inlined. Needs WG_SIZE >= 64.
fn sum_eight(lid: u32, a: vec4f, b: vec4f) -> array<f32, 8> {
  for (var c = 0u; c < 4u; c++) {
    partial[c * WG_SIZE + lid] = a[c];
    partial[(c + 4u) * WG_SIZE + lid] = b[c];
  }
  workgroupBarrier();
  if (lid < 64u) {
    var sum = 0.0;
    let first = lid * (WG_SIZE / 8u);
    for (var i = 0u; i < WG_SIZE / 8u; i++) { sum += partial[first + i]; }
    part[lid] = sum;
  }
  workgroupBarrier();
  if (lid < 8u) {
    var sum = 0.0;
    for (var i = 0u; i < 8u; i++) { sum += part[lid * 8u + i]; }
    totals[lid] = sum;
  }
  return workgroupUniformLoad(&totals);
}

// exp((z - row_max) / temperature); the clamp keeps the quotient finite at tiny temperatures.
fn mass_of(z: f32, row_max: f32) -> f32 {
  return exp(max((z - row_max) / u.temperature, -1e4));
}

fn weight_of(v: u32, base: u32, row_max: f32, kept: Kept) -> Weight {
  let z = logits[base + v];
  let key = order_key(z);
  if (key == 0u || key < kept.min_key || (key == kept.min_key && v > kept.last_id)) { return Weight(key, 0.0, 0.0); }
  let mass = mass_of(z, row_max);
  if (mass < kept.min_mass) { return Weight(key, 0.0, 0.0); }
  return Weight(key, 1.0, mass);
}

fn split_at(lid: u32, base: u32, row_max: f32, kept: Kept, key: u32) -> Split {
  var sums = vec4f();
  for (var v = lid; v < u.d_vocab; v += WG_SIZE) {
    let w = weight_of(v, base, row_max, kept);
    if (w.key > key) { sums += vec4f(w.count, w.mass, 0.0, 0.0); }
    if (w.key == key) { sums += vec4f(0.0, 0.0, w.count, w.mass); }
  }
  let all = sum_eight(lid, sums, vec4f());
  return Split(all[0], all[1], all[2], all[3]);
}

// The largest t for which the kept tokens with order >= t weigh at least `at_least` (their mass, or their number).
// With only_key != 0 the others do not weigh. `first_shift` is the place of the topmost three bits of t.
fn search(
  lid: u32, base: u32, row_max: f32, kept: Kept, order: u32, only_key: u32, is_mass: bool, at_least: f32, first_shift: u32,
) -> u32 {
  var t = 0u;
  var shift = first_shift;
  loop {
    var a = vec4f();
    var b = vec4f();
    for (var v = lid; v < u.d_vocab; v += WG_SIZE) {
      let w = weight_of(v, base, row_max, kept);
      if (only_key != 0u && w.key != only_key) { continue; }
      var o = w.key;
      if (order == BY_ID) { o = v; }
      if (order == BY_ID_FROM_BACK) { o = u.d_vocab - 1u - v; }
      let weight = vec4f(select(w.count, w.mass, is_mass));
      a += select(vec4f(), weight, vec4u(o) >= vec4u(t) + (vec4u(0u, 1u, 2u, 3u) << vec4u(shift)));
      b += select(vec4f(), weight, vec4u(o) >= vec4u(t) + (vec4u(4u, 5u, 6u, 7u) << vec4u(shift)));
    }
    let all = sum_eight(lid, a, b);
    var digit = 0u;
    for (var j = 1u; j < 8u; j++) { digit += select(0u, 1u, all[j] >= at_least); }
    t += digit << shift;
    if (shift == 0u) { break; }
    shift = max(shift, 3u) - 3u;
  }
  return t;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = wg.x + wg.y * nwg.x;
  if (row >= u.n_rows) { return; }
  let base = row * u.d_vocab;
  var mine = running_sum_start();
  for (var v = lid; v < u.d_vocab; v += WG_SIZE) { mine = running_sum_add(mine, logits[base + v]); }
  let all = running_sum_all(lid, mine);
  var id = 0u;
  if (u.temperature <= 0.0) {
    for (var v = lid; v < u.d_vocab; v += WG_SIZE) {
      if (logits[base + v] == all.max) { atomicMax(&greedy_from_back, u.d_vocab - v); break; }
    }
    workgroupBarrier();
    id = u.d_vocab - atomicLoad(&greedy_from_back);
  } else {
    var id_shift = 0u;
    while ((8u << id_shift) < u.d_vocab) { id_shift += 3u; }
    // The mass before the token is at most r * mass exactly where the mass from it on is at least (1 - r) * mass.
    let r = unit_float(pcg4d(vec4u(u.seed, row, u.step, 0u)).x);
    var kept = Kept(0u, u.d_vocab - 1u, 0.0);
    var key = 0u;
    var at_least = 0.0;
    for (var stage = 0u; stage < N_STAGES; stage++) {
      let is_tie = stage == TOP_K_TIES || stage == TOP_P_TIES;
      let is_mass = stage >= TOP_P;
      if (stage < TOP_P && (u.top_k == 0u || u.top_k >= u.d_vocab)) { continue; }
      if ((stage == TOP_P || stage == TOP_P_TIES) && u.top_p >= 1.0) { continue; }
      if (stage == CHOOSE) { kept.min_mass = u.min_p * mass_of(all.max, all.max); }
      let split = split_at(lid, base, all.max, kept, select(0u, key, is_tie));
      if (is_tie) {
        if (split.count_equal <= 1.0) { continue; }
        at_least = max(at_least - select(split.count_above, split.mass_above, is_mass), 1e-30);
      } else if (stage == TOP_K) {
        at_least = f32(u.top_k);
      } else if (stage == TOP_P) {
        // A sliver of mass even for top_p = 0, so that one token is kept.
        at_least = max(u.top_p, 1e-7) * split.mass_above;
      } else {
        at_least = (1.0 - r) * split.mass_above;
      }
      let order = select(select(BY_KEY, BY_ID_FROM_BACK, is_tie), BY_ID, stage == CHOOSE);
      let first_shift = select(id_shift, 29u, order == BY_KEY);
      let t = search(lid, base, all.max, kept, order, select(0u, key, is_tie), is_mass, at_least, first_shift);
      if (is_tie) {
        kept.last_id = min(kept.last_id, u.d_vocab - 1u - t);
      } else if (stage == CHOOSE) {
        id = t;
      } else {
        kept.last_id = select(u.d_vocab - 1u, kept.last_id, t == kept.min_key);
        kept.min_key = t;
        key = t;
      }
    }
  }
  if (lid == 0u) {
    ids[row] = id;
    logprobs[row] = (logits[base + min(id, u.d_vocab - 1u)] - all.max) - log(all.sum);
  }
}
