/** What a command sees of the process, so that tests can run one without a process. */
import type { Session } from "../lab/session.ts";

/** A stream that takes text. */
export interface Out {
  write(text: string): unknown;
  /** True on a terminal, where a line may be drawn over. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Io {
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C: a command stops as cleanly as it can. */
  readonly signal: AbortSignal;
  /** Stands in for opening a device of its own, given the value of `--adapter`. */
  readonly openSession?: ((adapter: string) => Promise<Session>) | undefined;
}

/** Plain lines of progress come at most this often. */
const lineEveryMs = 5000;
const drawEveryMs = 100;

/** Progress on standard error: a bar that is drawn over on a terminal, a line now and then elsewhere. */
export class Progress {
  private readonly out: Out;
  private readonly what: string;
  private readonly started = performance.now();
  private last = -Infinity;
  /** Where it stood when first told, and when: what was done before says nothing of the time left. */
  private first: { readonly done: number; readonly at: number } | undefined;
  private isDrawn = false;

  constructor(out: Out, what: string) {
    this.out = out;
    this.what = what;
  }

  /** `done` of `total`; `note` is shown behind. Cheap enough to be called for every item. */
  update(done: number, total: number, note = ""): void {
    const now = performance.now();
    this.first ??= { done, at: now };
    const isTTY = this.out.isTTY === true;
    if (now - this.last < (isTTY ? drawEveryMs : lineEveryMs) && !(isTTY && done >= total)) return;
    if (!isTTY && this.last === -Infinity && now - this.started < lineEveryMs) return;
    this.last = now;
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const nNew = done - this.first.done;
    const left = nNew > 0 && share < 1 ? ((now - this.first.at) * (total - done)) / nNew : 0;
    const words = [
      `${this.what} ${Math.floor(100 * share)} %`,
      note,
      left > 1000 ? `${duration(left)} left` : "",
    ].filter((word) => word !== "");
    if (!isTTY) {
      this.out.write(`${words.join(", ")}\n`);
      return;
    }
    const width = 24;
    const bar = "#".repeat(Math.round(share * width)).padEnd(width, "·");
    const line = `${bar} ${words.join(", ")}`;
    this.out.write(`\r\u001b[K${line.slice(0, (this.out.columns ?? 80) - 1)}`);
    this.isDrawn = true;
  }

  /** Wipes the bar. */
  end(): void {
    if (this.isDrawn) this.out.write("\r\u001b[K");
    this.isDrawn = false;
  }
}

/** Milliseconds as a person says them: "850 ms", "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Bytes as a person says them: "512 B", "1.04 MB" (powers of ten). */
export function byteText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** Rows as aligned columns; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, String(cell).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (typeof cell === "number" ? String(cell).padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
