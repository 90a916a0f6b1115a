import { LabError } from "../lib/errors.ts";
import type { Tokenizer } from "../lm/tokenizer.ts";
import type { Token } from "./protocol.ts";
import type { LoadedModel } from "./session.ts";

/** The model's tokenizer. Throws `not-found` where it came without one. */
export function tokenizerOf({ tokenizer, ref }: LoadedModel): Tokenizer {
  if (tokenizer === undefined) {
    throw new LabError("not-found", `${ref} came without tokenizer.json, so it has no words`, "Add tokenizer.json to its folder.");
  }
  return tokenizer;
}

/** Text → ids, beginning with the model's own start token where it has one. */
export function encodePrompt(loaded: LoadedModel, text: string): number[] {
  const tokenizer = tokenizerOf(loaded);
  const ids = tokenizer.encode(text, { addSpecial: true });
  const bos = tokenizer.bosId ?? loaded.model.config.bosTokenId;
  return bos === undefined || ids[0] === bos ? ids : [bos, ...ids];
}

/** Ids that end a text: the config's and the tokenizer's. */
export function stopIds(loaded: LoadedModel): number[] {
  return [...new Set([...loaded.model.config.eosTokenIds, ...(loaded.tokenizer?.eosIds ?? [])])];
}

export const tokenOf = (tokenizer: Tokenizer, id: number): Token => ({ id, piece: tokenizer.piece(id) });
