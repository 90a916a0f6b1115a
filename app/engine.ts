/**
 * The page's end of the channel to the engine. Every call gets a number; what comes back under that number is its
 * events and, once, its result or its error.
 */
import type { Calls, Engine, Method, Request, Response } from "../lab/protocol.ts";
import { LabError, toErrorData, type ErrorData } from "../lib/errors.ts";

/** What the channel needs of a Worker or a MessagePort. */
export interface Port {
  postMessage(message: Request): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Response>) => void): void;
  addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
}

interface Waiting {
  readonly onEvent: ((event: unknown) => void) | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: LabError) => void;
}

const fromData = (data: ErrorData): LabError => new LabError(data.code, data.message, data.hint);

/** The engine behind a port. `connect` is called at the first call, so a page that cannot compute starts nothing. */
export function createEngine(connect: () => Port): Engine {
  const waiting = new Map<number, Waiting>();
  const listeners: ((error: ErrorData, recovered: boolean) => void)[] = [];
  let port: Port | undefined;
  let lastId = 0;

  const settle = (id: number): Waiting | undefined => {
    const call = waiting.get(id);
    waiting.delete(id);
    return call;
  };

  const receive = (message: Response): void => {
    if (message.kind === "lost") {
      for (const listener of listeners) listener(message.error, message.recovered);
    } else if (message.kind === "event") waiting.get(message.id)?.onEvent?.(message.event);
    else if (message.kind === "result") settle(message.id)?.resolve(message.result);
    else settle(message.id)?.reject(fromData(message.error));
  };

  /** The worker itself broke: nothing more will come, so every call ends here and the next one starts a new worker. */
  const fail = (message: string): void => {
    port = undefined;
    const error = new LabError("internal", message, "Reload the page.");
    for (const id of waiting.keys()) settle(id)?.reject(error);
  };

  const open = (): Port => {
    if (port !== undefined) return port;
    const opened = connect();
    opened.addEventListener("message", (event) => receive(event.data));
    opened.addEventListener("error", (event) => {
      if (port !== opened) return;
      const detail =
        "message" in event && typeof event.message === "string" && event.message !== ""
          ? `: ${event.message}`
          : "";
      fail(`The part of the page that computes has stopped${detail}.`);
    });
    opened.addEventListener("messageerror", () => fail("An answer of the engine could not be read."));
    return (port = opened);
  };

  return {
    call<M extends Method>(
      method: M,
      params: Calls[M]["params"],
      options: { readonly signal?: AbortSignal; readonly onEvent?: (event: Calls[M]["event"]) => void } = {},
    ): Promise<Calls[M]["result"]> {
      const { signal, onEvent } = options;
      if (signal?.aborted) return Promise.reject(new LabError("cancelled", "Cancelled."));
      return new Promise<Calls[M]["result"]>((resolve, reject) => {
        const id = ++lastId;
        const cancel = (): void => {
          if (waiting.has(id)) port?.postMessage({ id, kind: "cancel" });
        };
        const done = (): void => signal?.removeEventListener("abort", cancel);
        waiting.set(id, {
          onEvent: onEvent as ((event: unknown) => void) | undefined,
          resolve: (result) => (done(), resolve(result as Calls[M]["result"])),
          reject: (error) => (done(), reject(error)),
        });
        signal?.addEventListener("abort", cancel);
        try {
          open().postMessage({ id, kind: "call", method, params });
        } catch (thrown) {
          const { code, message, hint } = toErrorData(thrown);
          settle(id)?.reject(new LabError(code, message, hint));
        }
      });
    },
    onLost(listener) {
      listeners.push(listener);
    },
  };
}

/** The engine in its worker. */
export const createWorkerEngine = (): Engine =>
  createEngine(
    () => new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module", name: "engine" }),
  );
