import type { AdapterDescription } from "../gpu.ts";
import { defineKernel } from "../kernel.ts";

/** d_head / 4 of the head widths in use; each compiles to a kernel of its own. */
const widths = [{ D4: 1 }, { D4: 2 }, { D4: 4 }, { D4: 5 }, { D4: 8 }, { D4: 16 }, { D4: 20 }, { D4: 32 }] as const;

export const attentionKernel = defineKernel({
  name: "attention",
  bindings: { q: "read", k: "read", v: "read", o: "read_write", lse: "read_write" },
  uniforms: {
    seq_len: "u32",
    position: "u32",
    n_head: "u32",
    n_group: "u32",
    q_stride: "u32",
    kv_batch: "u32",
    kv_head: "u32",
    kv_row: "u32",
    k_first: "u32",
    v_first: "u32",
    scale: "f32",
  },
  permutations: widths,
});

export const attentionDqKernel = defineKernel({
  name: "attention_dq",
  bindings: { qkv: "read", o: "read", d_o: "read", lse: "read", delta: "read_write", dqkv: "read_write" },
  uniforms: { seq_len: "u32", n_head: "u32", n_kv_head: "u32", scale: "f32" },
  permutations: widths,
});

export const attentionDkvKernel = defineKernel({
  name: "attention_dkv",
  bindings: { qkv: "read", d_o: "read", lse: "read", delta: "read", dqkv: "read_write" },
  uniforms: { seq_len: "u32", n_head: "u32", n_kv_head: "u32", scale: "f32" },
  permutations: widths,
});

export const attentionRowsKernel = defineKernel({
  name: "attention_rows",
  bindings: attentionKernel.bindings,
  uniforms: {
    n_batch: "u32",
    seq_len: "u32",
    position: "u32",
    d4: "u32",
    n_head: "u32",
    n_group: "u32",
    q_stride: "u32",
    kv_batch: "u32",
    kv_head: "u32",
    kv_row: "u32",
    k_first: "u32",
    v_first: "u32",
    scale: "f32",
  },
});

export const attentionRowsDqKernel = defineKernel({
  name: "attention_rows_dq",
  bindings: attentionDqKernel.bindings,
  uniforms: { n_batch: "u32", seq_len: "u32", d4: "u32", n_head: "u32", n_kv_head: "u32", scale: "f32" },
});

export const attentionRowsDkvKernel = defineKernel({
  name: "attention_rows_dkv",
  bindings: attentionDkvKernel.bindings,
  uniforms: { n_batch: "u32", seq_len: "u32", d4: "u32", n_head: "u32", n_kv_head: "u32", scale: "f32" },
});

/**
 * Two sets of kernels for the same computation. `tiles`: 64 invocations share 32 × 32 tiles in workgroup memory,
 * for GPUs. `rows`: each invocation works alone on four rows, for adapters that compute on the CPU, where a
 * barrier costs more than it saves.
 */
export type AttentionKernels = "tiles" | "rows";

/** The set that is faster on an adapter. */
export const attentionKernelsFor = (adapter: AdapterDescription): AttentionKernels => (adapter.isSoftware ? "rows" : "tiles");
