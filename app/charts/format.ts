/** Numbers and tokens as a person reads them. */

/** A probability: "12 %", "3.4 %", "0.08 %", "under 0.01 %". */
export function percent(p: number): string {
  const value = 100 * p;
  if (p >= 1) return "100 %";
  if (value > 99.9) return "over 99.9 %";
  if (value >= 99.5) return `${value.toFixed(1)} %`;
  if (value >= 10) return `${value.toFixed(0)} %`;
  if (value >= 1) return `${value.toFixed(1)} %`;
  if (value >= 0.01) return `${value.toFixed(2)} %`;
  return p > 0 ? "under 0.01 %" : "0 %";
}

/** Bytes in MB (10⁶), or kB below one. */
export function megabytes(bytes: number): string {
  const mb = bytes / 1e6;
  if (mb >= 100) return `${mb.toFixed(0)} MB`;
  if (mb >= 1) return `${mb.toFixed(1)} MB`;
  return `${Math.round(bytes / 1e3)} kB`;
}

/** A count of parameters: "1.9 M", "420 k", "360". */
export function count(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} B`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(n >= 1e8 ? 0 : 1)} M`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(0)} k` : String(n);
}

/** A number with at most `digits` behind the point. */
export const decimal = (value: number, digits = 2): string =>
  Number.isFinite(value) ? value.toFixed(digits) : "–";

/** A token made visible: spaces and line ends get a sign of their own. */
export function visible(piece: string): string {
  if (piece === "") return "∅";
  return piece.replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll(" ", "␣");
}

/** A token as words for a screen reader and a sentence. */
export function spoken(piece: string): string {
  const word = piece.trim();
  if (word !== "") return `“${word}”`;
  if (piece.includes("\n")) return "line end";
  return piece === "" ? "empty token" : "space";
}
