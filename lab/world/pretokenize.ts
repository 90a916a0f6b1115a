/**
 * The cut of text into pieces: a word with at most one space before it, `'s`, one digit, one other character.
 * A piece that is in the vocabulary is one token; any other piece is spelled character by character.
 */
export const piecePattern = "'s| ?[A-Za-z]+|[^A-Za-z]";

/** The pieces of a text, in order; joined they give the text back. */
export function pieces(text: string): string[] {
  return text.match(new RegExp(piecePattern, "gu")) ?? [];
}

/** Tokens of a text made of words of the world (where every piece is one token). */
export const countPieces = (text: string): number => pieces(text).length;
