import { afterEach, describe, expect, test, vi } from "vitest";
import type { Request, Response } from "../lab/protocol.ts";
import { LabError } from "../lib/errors.ts";
import { createEngine, type Port } from "./engine.ts";

const open: MessagePort[] = [];
afterEach(() => {
  for (const port of open.splice(0)) port.close();
});

/** An engine on one end of a real channel, and the other end with what has arrived there. */
function channel() {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  const got: Request[] = [];
  port2.addEventListener("message", (event: MessageEvent<Request>) => got.push(event.data));
  port1.start();
  port2.start();
  const say = (message: Response): void => port2.postMessage(message);
  const arrived = (n: number): Promise<void> =>
    vi.waitFor(() => expect(got.length).toBeGreaterThanOrEqual(n));
  return { engine: createEngine(() => port1 as unknown as Port), got, say, arrived };
}

/** A port that only lets a test play the worker's failures. */
function brokenPort() {
  const target = new EventTarget();
  const port = Object.assign(target, { postMessage: vi.fn<(message: Request) => void>() });
  return { port: port as unknown as Port, target, sent: port.postMessage };
}

const empty = {} as const;

describe("the engine channel", () => {
  test("sends a call and gives its events, then its result", async () => {
    const { engine, got, say, arrived } = channel();
    const events: unknown[] = [];
    const call = engine.call("load", { ref: "bundled:x" }, { onEvent: (event) => events.push(event) });
    await arrived(1);
    expect(got[0]).toEqual({ id: 1, kind: "call", method: "load", params: { ref: "bundled:x" } });
    say({ id: 1, kind: "event", event: { kind: "progress", bytes: 1, totalBytes: 2 } });
    say({ id: 1, kind: "result", result: { ref: "bundled:x" } });
    expect(await call).toEqual({ ref: "bundled:x" });
    expect(events).toEqual([{ kind: "progress", bytes: 1, totalBytes: 2 }]);
  });

  test("keeps two calls apart, in whatever order they are answered", async () => {
    const { engine, say, arrived } = channel();
    const first = engine.call("tokenize", { text: "a" });
    const second = engine.call("tokenize", { text: "b" });
    await arrived(2);
    say({ id: 2, kind: "result", result: { tokens: [2] } });
    say({ id: 1, kind: "result", result: { tokens: [1] } });
    expect(await Promise.all([first, second])).toEqual([{ tokens: [1] }, { tokens: [2] }]);
  });

  test("turns error data into a LabError with its hint", async () => {
    const { engine, say, arrived } = channel();
    const call = engine.call("load", { ref: "file:x" });
    await arrived(1);
    say({
      id: 1,
      kind: "error",
      error: { code: "bad-file", message: "No header.", hint: "Choose another file." },
    });
    const error = await call.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LabError);
    expect(error).toMatchObject({ code: "bad-file", message: "No header.", hint: "Choose another file." });
  });

  test("passes a cancel on once, and not after the answer", async () => {
    const { engine, got, say, arrived } = channel();
    const running = new AbortController();
    const call = engine.call("status", empty, { signal: running.signal });
    await arrived(1);
    running.abort();
    running.abort();
    await arrived(2);
    expect(got[1]).toEqual({ id: 1, kind: "cancel" });
    say({ id: 1, kind: "error", error: { code: "cancelled", message: "Cancelled." } });
    await expect(call).rejects.toMatchObject({ code: "cancelled" });

    const answered = new AbortController();
    const second = engine.call("status", empty, { signal: answered.signal });
    await arrived(3);
    say({ id: 2, kind: "result", result: null });
    await second;
    answered.abort();
    const third = engine.call("status", empty);
    await arrived(4);
    expect(got.map((m) => m.kind)).toEqual(["call", "cancel", "call", "call"]);
    say({ id: 3, kind: "result", result: null });
    await third;
  });

  test("does not start what is cancelled already", async () => {
    const connect = vi.fn<() => Port>();
    const aborted = createEngine(connect).call("status", empty, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: "cancelled" });
    expect(connect).not.toHaveBeenCalled();
  });

  test("ignores what comes for a call that has ended", async () => {
    const { engine, say, arrived } = channel();
    const onEvent = vi.fn<() => void>();
    const call = engine.call("generate", {} as never, { onEvent });
    await arrived(1);
    say({ id: 1, kind: "result", result: "first" });
    say({ id: 1, kind: "event", event: "late" });
    say({ id: 1, kind: "result", result: "second" });
    expect(await call).toBe("first");
    const next = engine.call("status", empty);
    await arrived(2);
    say({ id: 2, kind: "result", result: null });
    await next;
    expect(onEvent).not.toHaveBeenCalled();
  });

  test("tells every listener when the device is lost", async () => {
    const { engine, say, arrived } = channel();
    const heard: unknown[] = [];
    engine.onLost((error, recovered) => heard.push([error.code, recovered]));
    const call = engine.call("status", empty);
    await arrived(1);
    say({ kind: "lost", error: { code: "device-lost", message: "Gone." }, recovered: true });
    say({ id: 1, kind: "result", result: null });
    await call;
    expect(heard).toEqual([["device-lost", true]]);
  });

  test("ends every call when the worker breaks, and starts a new one at the next", async () => {
    const first = brokenPort();
    const second = brokenPort();
    const ports = [first.port, second.port];
    const engine = createEngine(() => ports.shift()!);
    const call = engine.call("status", empty);
    first.target.dispatchEvent(Object.assign(new Event("error"), { message: "boom" }));
    await expect(call).rejects.toMatchObject({ code: "internal", message: expect.stringContaining("boom") });
    void engine.call("status", empty);
    expect(second.sent).toHaveBeenCalledTimes(1);
  });

  test("rejects when a message cannot be cloned", async () => {
    const { engine } = channel();
    const call = engine.call("tokenize", { text: (() => 0) as unknown as string });
    await expect(call).rejects.toBeInstanceOf(LabError);
  });
});
