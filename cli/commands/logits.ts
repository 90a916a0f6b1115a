import { z } from "zod";
import { logProbOf } from "../../gpu/ops/cross_entropy.ts";
import { gatherRows } from "../../gpu/ops/embedding.ts";
import { defineCommand } from "../flags.ts";
import { table } from "../io.ts";
import { checkTokens, deviceFlags, tokensFlag, withModel } from "../use_model.ts";

export const logits = defineCommand({
  name: "logits",
  summary: "what the model says after given tokens, and how probable it found them",
  flags: z.object({
    ...deviceFlags,
    tokens: tokensFlag,
    all: z.boolean().default(false).meta({ description: "the logits of every position, not only of the last" }),
  }),
  about: `JSON: {logits, logprobs, nll}. logits: those of the last position, one a word of the vocabulary; with --all an
array of such arrays, one a position. logprobs: for every position but the last the log-probability of the token
that follows it. nll: minus their mean, in nats per token; null for a single token.`,
  examples: ["logits --model bundled:world-m --tokens 1,200,201 --json"],
  run(flags, context) {
    return withModel(flags, context, async ({ model, tokenizer }) => {
      const { gpu, config } = model;
      const { tokens, all } = flags;
      checkTokens(tokens, config);
      const seqLen = tokens.length;
      const ids = gpu.upload(Uint32Array.from(tokens), [seqLen], "tokens");
      const next = gpu.upload(Uint32Array.from(tokens, (_, t) => tokens[t + 1] ?? 0), [seqLen], "next");
      const last = gpu.upload(Uint32Array.of(seqLen - 1), [1], "last row");
      const [values, scored] = await gpu.compute("logits", (r) => {
        const every = model.forward(r, ids, { batch: 1, seqLen });
        return [all ? every : gatherRows(r, every, last), logProbOf(r, every, next)];
      });
      const { dVocab } = config;
      const rows = Array.from({ length: all ? seqLen : 1 }, (_, t) => values!.subarray(t * dVocab, (t + 1) * dVocab));
      const logprobs = scored!.subarray(0, seqLen - 1);
      const nll = seqLen > 1 ? -logprobs.reduce((sum, x) => sum + x, 0) / (seqLen - 1) : null;
      const final = rows.at(-1)!;
      const best = [...final.keys()].sort((a, b) => final[b]! - final[a]!).slice(0, 10);
      const text = [
        table([
          ["token", "id", "logit"],
          ...best.map((id) => [JSON.stringify(tokenizer?.piece(id) ?? ""), String(id), final[id]!.toFixed(4)]),
        ]),
        nll === null ? "" : `nll ${nll.toFixed(4)} nats per token`,
      ];
      return { json: { logits: all ? rows : final, logprobs, nll }, text: text.join("\n").trimEnd() };
    });
  },
});
