import { z } from "zod";
import { encodePrompt, tokenizerOf } from "../../lab/text.ts";
import { defineCommand } from "../flags.ts";
import { table } from "../io.ts";
import { checkTokens, modelFlag, openHead, tokensFlag } from "../use_model.ts";

export const tokenize = defineCommand({
  name: "tokenize",
  summary: "text to token ids, and back",
  flags: z
    .object({
      ...modelFlag,
      text: z.string().optional().meta({ description: "the text to cut into tokens" }),
      tokens: tokensFlag.optional(),
      special: z.boolean().default(true).meta({
        description: "begin with the model's start token, as a prompt of generate does",
      }),
    })
    .refine(({ text, tokens }) => (text === undefined) !== (tokens === undefined), "give either --text or --tokens"),
  about: `JSON: {tokens, text, pieces}: the ids, what they spell (special tokens written out), and every token as inside the
text, its leading space kept. No adapter is needed.`,
  examples: ['tokenize --model bundled:world-m --text "Tom has a red ball."', "tokenize --model bundled:world-m --tokens 1,200,201"],
  async run({ model, text: given, tokens: ids, special }, context) {
    const head = await openHead(model, context);
    const tokenizer = tokenizerOf(head);
    const tokens = ids ?? (special ? encodePrompt(head, given!) : tokenizer.encode(given!, { addSpecial: false }));
    checkTokens(tokens, { dVocab: head.opened.config.dVocab, nCtx: Infinity });
    const pieces = tokens.map((id) => tokenizer.piece(id));
    const text = tokenizer.decode(tokens);
    return { json: { tokens, text, pieces }, text: table(tokens.map((id, i) => [id, JSON.stringify(pieces[i])])) };
  },
});
