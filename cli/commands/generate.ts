import { z } from "zod";
import { encodePrompt, stopIds } from "../../lab/text.ts";
import { Decoder } from "../../lm/generate.ts";
import { defineCommand } from "../flags.ts";
import { checkTokens, deviceFlags, tokensFlag, withModel } from "../use_model.ts";

export const generate = defineCommand({
  name: "generate",
  summary: "continue a text",
  flags: z
    .object({
      ...deviceFlags,
      prompt: z.string().optional().meta({
        description: "text to continue; the model's start token is put before it",
        placeholder: "TEXT",
      }),
      tokens: tokensFlag.optional(),
      maxNewTokens: z.int().min(1).default(64).meta({ description: "tokens to add at most; fewer where the context ends" }),
      temperature: z.number().min(0).default(0).meta({ description: "0 is greedy: always the most probable token" }),
      topK: z.int().min(0).default(0).meta({ description: "draw from the k most probable tokens; 0 is off" }),
      topP: z.number().gt(0).max(1).default(1).meta({ description: "draw from the fewest tokens with this share of the mass; 1 is off" }),
      minP: z.number().min(0).max(1).default(0).meta({ description: "draw from tokens at least this fraction as probable as the first; 0 is off" }),
      seed: z.int().min(0).max(2 ** 32 - 1).default(0).meta({ description: "equal seeds draw equal tokens" }),
      n: z.int().min(1).max(64).default(1).meta({ description: "continuations, drawn independently" }),
      stopEos: z.boolean().default(true).meta({ description: "end a continuation with its end token" }),
      kv: z.enum(["full"]).default("full").meta({ description: "what the cache keeps" }),
    })
    .refine(({ prompt, tokens }) => (prompt === undefined) !== (tokens === undefined), "give either --prompt or --tokens"),
  about: `JSON: {prompt: {tokens}, outputs: [{tokens, text, logprobs}], timing: {prefillMs, decodeMs, tokensPerSecond,
dispatchesPerToken, readbackBytesPerToken}}. tokens are the new ones, the end token included where one came; text is
what they spell without special tokens, null for a model without a tokenizer; logprobs are natural logarithms under
the model itself, whatever temperature and filters. tokensPerSecond counts the tokens of all continuations.

On Ctrl-C what there is so far is printed in the same form, with exit code 130.`,
  examples: [
    'generate --model bundled:world-m --prompt "Tom has" --max-new-tokens 40',
    "generate --model ./my-model --tokens 1,403 --temperature 0.8 --top-p 0.95 --seed 7 --n 4 --json",
  ],
  run(flags, context) {
    const { io, isJson } = context;
    return withModel(flags, context, async (loaded) => {
      const { model, tokenizer } = loaded;
      const prompt = flags.tokens ?? encodePrompt(loaded, flags.prompt!);
      checkTokens(prompt, model.config);
      const stops = flags.stopEos ? stopIds(loaded) : [];
      const capacity = Math.min(model.config.nCtx, prompt.length + flags.maxNewTokens);
      const decoder = await Decoder.create(model, flags.n, 0, capacity);
      try {
        const steps = decoder.generate(prompt, { ...flags, stopIds: stops, signal: io.signal });
        const outputs = Array.from({ length: flags.n }, () => [] as number[]);
        const open = new Set(outputs.keys());
        const isStreamed = !isJson && flags.n === 1;
        const stream = tokenizer?.stream({ skipSpecial: true });
        for (;;) {
          const { value, done } = await steps.next();
          if (done) {
            const { reason, timing } = value;
            if (isStreamed) io.stdout.write(`${stream?.flush() ?? ""}\n`);
            const logged = await decoder.loggedLogprobs(timing.nSteps);
            const { prefillMs, decodeMs, nSteps, dispatchesPerToken, readbackBytesPerToken } = timing;
            const tokensPerSecond = decodeMs > 0 ? (1000 * flags.n * nSteps) / decodeMs : 0;
            const listed = outputs.map((tokens, k) => ({
              tokens,
              text: tokenizer?.decode(tokens, { skipSpecial: true }) ?? null,
              logprobs: tokens.map((_, i) => logged[i]![k]!),
            }));
            io.stderr.write(`${nSteps} steps, ${tokensPerSecond.toFixed(1)} tokens/s, prefill ${prefillMs.toFixed(0)} ms (${reason})\n`);
            const texts = listed.map(({ text, tokens }, k) => `--- ${k + 1}\n${text ?? tokens.join(",")}`);
            return {
              json: {
                prompt: { tokens: prompt },
                outputs: listed,
                timing: { prefillMs, decodeMs, tokensPerSecond, dispatchesPerToken, readbackBytesPerToken },
              },
              ...(isStreamed ? {} : { text: texts.join("\n") }),
              wasInterrupted: reason === "cancelled",
            };
          }
          for (const k of open) {
            const id = value.ids[k]!;
            outputs[k]!.push(id);
            if (stops.includes(id)) open.delete(k);
            if (isStreamed) io.stdout.write(stream?.push(id) ?? `${outputs[k]!.length > 1 ? "," : ""}${id}`);
          }
        }
      } finally {
        decoder.dispose();
      }
    });
  },
});
