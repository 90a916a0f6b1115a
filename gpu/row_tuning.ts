/**
 * Invocations that share a row (or chunk) in the kernels that reduce with barriers. A software adapter runs a
 * workgroup as a few SIMD groups on one thread and changes between them at every barrier; with one such group there
 * is nothing to change between. A GPU wants wide groups for long rows.
 */
export function rowWorkgroup(adapter: { readonly isSoftware: boolean }, width: number): 8 | 64 | 256 {
  if (adapter.isSoftware) return 8;
  return width >= 2048 ? 256 : 64;
}
