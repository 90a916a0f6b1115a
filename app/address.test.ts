import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { followAddress, showFigure, type Window } from "./address.ts";
import { createFakeEngine } from "./fixtures/fake_engine.ts";
import { createLab } from "./store/lab.ts";
import { start } from "./store/models.ts";
import { change, showPage } from "./store/settings.ts";
import { textOf } from "./store/tokens.ts";

/** A window with just an address and a history that can go back. */
function fakeWindow(hash: string) {
  const entries = [hash];
  const listeners: ((event: Event) => void)[] = [];
  const window: Window = {
    location: {
      get hash() {
        return entries.at(-1) ?? "";
      },
    },
    history: {
      pushState: (_data, _title, url) => void entries.push(String(url)),
      replaceState: (_data, _title, url) => void entries.splice(-1, 1, String(url)),
    },
    addEventListener: (type, listener) => void (type === "popstate" && listeners.push(listener)),
  };
  const tell = (): void => listeners.forEach((listener) => listener(new Event("popstate")));
  return {
    window,
    entries,
    back: () => (entries.pop(), tell()),
    go: (url: string) => (entries.push(url), tell()),
  };
}

function open(hash: string) {
  const navigator = {
    userAgent: "Chrome/143",
    gpu: { requestAdapter: async (): Promise<object | null> => ({}) },
  };
  const lab = createLab(createFakeEngine(), { isSecureContext: true, navigator }, (task) =>
    queueMicrotask(task),
  );
  const fake = fakeWindow(hash);
  followAddress(lab, fake.window);
  return { lab, state: () => lab.store.getState(), ...fake };
}

// Other work on the machine must not make these fail.
vi.setConfig({ testTimeout: 20_000 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the address bar", () => {
  test("is read at the start and left as it is", () => {
    const { state, entries } = open("#/playground?v=1&seed=7");
    expect(state().playground.seed).toBe(7);
    vi.runAllTimers();
    expect(entries).toEqual(["#/playground?v=1&seed=7"]);
  });

  test("many edits replace one entry, once", () => {
    const { lab, entries } = open("#/playground");
    for (let seed = 2; seed < 50; seed++) change(lab, "playground", { seed });
    expect(entries).toEqual(["#/playground"]);
    vi.runAllTimers();
    expect(entries).toEqual(["#/playground?v=1&seed=49"]);
  });

  test("another page is another entry, and back leads to the one before", () => {
    const { lab, state, entries, back } = open("#/playground");
    change(lab, "playground", { seed: 3 });
    vi.runAllTimers();
    showPage(lab, "world");
    expect(entries).toEqual(["#/playground?v=1&seed=3", "#/world"]);
    back();
    expect(state().page).toBe("playground");
    expect(state().playground.seed).toBe(3);
    vi.runAllTimers();
    expect(entries).toEqual(["#/playground?v=1&seed=3"]);
  });

  test("a link pasted into an open page is opened and its figure drawn", async () => {
    vi.useRealTimers();
    const { lab, state, go } = open("#/playground");
    await start(lab);
    await showFigure(lab);
    const first = textOf(state().generation.continuations[0] ?? []);
    go("#/playground?v=1&model=bundled:world-s&seed=4");
    await vi.waitFor(() => {
      expect(state().model?.ref).toBe("bundled:world-s");
      expect(state().generation.request?.sampling.seed).toBe(4);
      expect(state().generation.status).toBe("done");
    }, 15_000);
    expect(textOf(state().generation.continuations[0] ?? [])).not.toBe(first);
  });

  test("the first figure of a page is drawn once", async () => {
    vi.useRealTimers();
    const { lab, state } = open("#/attention");
    await showFigure(lab);
    expect(state().reading.status).toBe("idle");
    await start(lab);
    await showFigure(lab);
    const { summary } = state().reading;
    expect(summary).not.toBeNull();
    await showFigure(lab);
    expect(state().reading.summary).toBe(summary);
  });
});
