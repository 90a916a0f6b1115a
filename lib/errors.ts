/** What went wrong, as a word a program can switch on. */
export type ErrorCode =
  | "shape"
  | "unsupported"
  | "no-webgpu"
  | "no-adapter"
  | "device-lost"
  | "out-of-memory"
  | "bad-file"
  | "bad-param"
  | "not-found"
  | "cancelled"
  | "internal";

/** An error as plain data: what crosses the worker and what `--json` prints. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** Every error the lab raises on purpose: what, got, expected, and in `hint` the next step. */
export class LabError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message);
    this.name = "LabError";
    this.code = code;
    this.hint = hint;
  }
}

/** Any thrown value as data; unknown errors become `internal`, an aborted signal becomes `cancelled`. */
export function toErrorData(error: unknown): ErrorData {
  if (error instanceof LabError) {
    return error.hint === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, hint: error.hint };
  }
  if (error instanceof Error && error.name === "AbortError") return { code: "cancelled", message: "Cancelled." };
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** Throws `cancelled` when the signal has been aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LabError("cancelled", "Cancelled.");
}
