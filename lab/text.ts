import { LabError } from "../lib/errors.ts";
import type { LlamaConfig } from "../lm/config.ts";
import type { Tokenizer } from "../lm/tokenizer.ts";
import type { Token } from "./protocol.ts";

/** What is needed of a model to speak its words; a `LoadedModel` has it, and so has one of which only headers are read. */
export interface Words {
  readonly ref: string;
  readonly tokenizer: Tokenizer | undefined;
  readonly model: { readonly config: Pick<LlamaConfig, "bosTokenId" | "eosTokenIds"> };
}

/** The model's tokenizer. Throws `not-found` where it came without one. */
export function tokenizerOf({ tokenizer, ref }: Words): Tokenizer {
  if (tokenizer === undefined) {
    throw new LabError("not-found", `${ref} came without tokenizer.json, so it has no words`, "Add tokenizer.json to its folder.");
  }
  return tokenizer;
}

/** Text → ids, beginning with the model's own start token where it has one. */
export function encodePrompt(loaded: Words, text: string): number[] {
  const tokenizer = tokenizerOf(loaded);
  const ids = tokenizer.encode(text, { addSpecial: true });
  const bos = tokenizer.bosId ?? loaded.model.config.bosTokenId;
  return bos === undefined || ids[0] === bos ? ids : [bos, ...ids];
}

/** Ids that end a text: the config's and the tokenizer's. */
export function stopIds(loaded: Words): number[] {
  return [...new Set([...loaded.model.config.eosTokenIds, ...(loaded.tokenizer?.eosIds ?? [])])];
}

export const tokenOf = (tokenizer: Tokenizer, id: number): Token => ({
  id,
  piece: tokenizer.piece(id),
  isSpecial: tokenizer.isSpecial(id),
});
