import { z } from "zod";
import { Hooks } from "../../lm/hooks.ts";
import { defineCommand } from "../flags.ts";
import { table } from "../io.ts";
import { checkTokens, deviceFlags, tokensFlag, withModel } from "../use_model.ts";

export const capture = defineCommand({
  name: "capture",
  summary: "activations inside a forward pass, by TransformerLens name",
  flags: z.object({
    ...deviceFlags,
    tokens: tokensFlag,
    hooks: z.array(z.string().min(1)).min(1).meta({
      description: "names such as blocks.0.attn.hook_pattern or blocks.0.hook_resid_post",
      placeholder: "A,B",
    }),
  }),
  about: `JSON: {hooks: {name: {shape, data}}}; data is flat, row-major. Letters of shapes: B sequences (here 1), T tokens,
H heads, K heads of keys and values, D width of a head.

  hook_embed, blocks.i.hook_resid_pre, hook_resid_mid, hook_resid_post,
  blocks.i.hook_attn_out, hook_mlp_out, blocks.i.ln1.hook_normalized,
  blocks.i.ln2.hook_normalized, ln_final.hook_normalized (before the gain)   [B,T,d_model]
  blocks.i.attn.hook_q, hook_rot_q, hook_z                                   [B,T,H,D]
  blocks.i.attn.hook_k, hook_rot_k, hook_v                                   [B,T,K,D]
  blocks.i.attn.hook_attn_scores, hook_pattern                               [B,H,T,T]
  blocks.i.mlp.hook_pre (gate), hook_pre_linear (up), hook_post              [B,T,d_mlp]`,
  examples: ["capture --model bundled:world-m --tokens 1,200,201 --hooks blocks.0.attn.hook_pattern --json"],
  run(flags, context) {
    return withModel(flags, context, async ({ model }) => {
      const { gpu, config } = model;
      checkTokens(flags.tokens, config);
      const names = [...new Set(flags.hooks)];
      const hooks = new Hooks(config, names);
      const seqLen = flags.tokens.length;
      const ids = gpu.upload(Uint32Array.from(flags.tokens), [seqLen], "tokens");
      const captured = await gpu.compute("capture", (r) => {
        model.forward(r, ids, { batch: 1, seqLen, hooks });
        return names.map((name) => hooks.captured.get(name)!);
      });
      const found = names.map((name, i) => ({ name, shape: hooks.captured.get(name)!.shape, data: captured[i]! }));
      const rows = found.map(({ name, shape, data }) => {
        const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
        const size = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
        const [low, high] = [data.reduce((a, b) => Math.min(a, b), Infinity), data.reduce((a, b) => Math.max(a, b), -Infinity)];
        return [name, `[${shape.join(",")}]`, ...[mean, size, low, high].map((x) => x.toPrecision(4))];
      });
      return {
        json: { hooks: Object.fromEntries(found.map(({ name, shape, data }) => [name, { shape, data }])) },
        text: table([["activation", "shape", "mean", "rms", "least", "greatest"], ...rows]),
      };
    });
  },
});
