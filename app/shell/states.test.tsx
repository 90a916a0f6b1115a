import { renderToString } from "react-dom/server";
import { describe, expect, test } from "vitest";
import type { ErrorData } from "../../lib/errors.ts";
import { AttentionPage } from "../attention/AttentionPage.tsx";
import { explain } from "../capability.ts";
import {
  createFakeEngine,
  fakeBundled,
  fakeMemory,
  fakeModel,
  fakePattern,
  fakeScored,
  fakeSummary,
} from "../fixtures/fake_engine.ts";
import { PlaygroundPage } from "../playground/PlaygroundPage.tsx";
import { createLab, initialState } from "../store/lab.ts";
import { requestOf } from "../store/generate.ts";
import { noGeneration, noReading, type LabState } from "../store/state.ts";
import { toChunks } from "../store/tokens.ts";
import { WorldPage } from "../world/WorldPage.tsx";
import { App } from "./App.tsx";
import { LabProvider } from "./lab_context.tsx";

const adapter = {
  vendor: "google",
  architecture: "swiftshader",
  description: "",
  isSoftware: true,
  f16: false,
  subgroups: true,
};
const ready: Partial<LabState> = {
  engine: { status: "open", adapter, bundled: fakeBundled },
  model: fakeModel("bundled:world-m"),
  memory: fakeMemory,
};
const error: ErrorData = {
  code: "out-of-memory",
  message: "There is no room for this.",
  hint: "Use a shorter text.",
};
const here = { isSecureContext: true, navigator: { userAgent: "Chrome/143" } };

/** What a page says in a state, as words without markup. */
function draw(Page: React.ComponentType, state: Partial<LabState>): string {
  const lab = createLab(createFakeEngine(), here, queueMicrotask, state);
  const html = renderToString(
    <LabProvider lab={lab}>
      <Page />
    </LabProvider>,
  );
  return html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

const prompt = toChunks(fakeScored("Once there was", 1, true));
const request = requestOf({ ...initialState(), ...ready });
const running = {
  ...noGeneration,
  status: "running" as const,
  request,
  prompt,
  continuations: [toChunks(fakeScored(" a clever boy"))],
};
const timing = {
  prefillMs: 1,
  decodeMs: 1,
  tokensPerSecond: 97.4,
  dispatchesPerToken: 34,
  readbackBytesPerToken: 4,
};

describe("the playground", () => {
  test("idle: says what to press", () => {
    expect(draw(PlaygroundPage, ready)).toContain("Press Generate.");
  });
  test("running: shows what has come so far, and that more comes", () => {
    const words = draw(PlaygroundPage, { ...ready, generation: running });
    expect(words).toContain("clever");
    expect(words).toContain("Writing…");
  });
  test("error: says what happened and what to do, and keeps the text", () => {
    const words = draw(PlaygroundPage, { ...ready, generation: { ...running, status: "error", error } });
    expect(words).toContain("There is no room for this.");
    expect(words).toContain("Use a shorter text.");
    expect(words).toContain("Try again");
    expect(words).toContain("clever");
  });
  test("done: says why it ended, and its perplexity", () => {
    const words = draw(PlaygroundPage, {
      ...ready,
      generation: { ...running, status: "done", stopped: "length", timing },
    });
    expect(words).toContain("Stopped at the length you allow.");
    expect(words).toMatch(/\d+\.\d\d nats per token · perplexity/);
  });
  test("says when the settings are no longer those of the text", () => {
    const playground = { ...initialState().playground, seed: 9 };
    const words = draw(PlaygroundPage, {
      ...ready,
      playground,
      generation: { ...running, status: "done", stopped: "eos" },
    });
    expect(words).toContain("The settings have changed");
  });
});

describe("the attention bench", () => {
  const summary = fakeSummary("Once there was a clever boy.", 2, 4);
  const { tokens } = summary;
  const patterns = [{ layer: 0, nHead: 4, nTokens: tokens.length, pattern: fakePattern(tokens, 0, 4) }];
  const done = { ...noReading, status: "done" as const, text: "x", summary, patterns };

  test("idle and running", () => {
    expect(draw(AttentionPage, ready)).toContain("let the model read it");
    expect(draw(AttentionPage, { ...ready, reading: { ...noReading, status: "running" } })).toContain(
      "The model is reading…",
    );
  });
  test("error: in its place, with the last figure left standing", () => {
    const words = draw(AttentionPage, { ...ready, reading: { ...done, status: "error", error } });
    expect(words).toContain("There is no room for this.");
    expect(words).toContain("Layer 0, head 0");
  });
  test("done: reads a cell in words", () => {
    const words = draw(AttentionPage, { ...ready, reading: done });
    expect(words).toMatch(/at 7 gives .* of its attention to/);
    expect(words).toContain("How widely the heads look");
  });
  test("a layer the model lacks is said, and the first is shown", () => {
    const attention = { ...initialState().attention, layer: 9 };
    const words = draw(AttentionPage, { ...ready, attention, reading: done });
    expect(words).toContain("layer 9 (this model has layers 0 to 1)");
    expect(words).toContain("Layer 0, head 0");
  });
});

describe("the world", () => {
  test("shows an example and its judge without any model", () => {
    const words = draw(WorldPage, { world: { task: "single-hop", split: "test", seed: 1, index: 0 } });
    expect(words).toContain("Question:");
    expect(words).toContain("The judge is a program");
  });
});

describe("the shell", () => {
  test("says what this browser lacks", () => {
    const words = draw(App, { engine: { status: "blocked", reason: explain("webgpu", "firefox") } });
    expect(words).toContain("This browser has no WebGPU");
    expect(words).toContain("Update Firefox");
  });
  test("flags a software adapter in words", () => {
    expect(draw(App, ready)).toContain("software : exact, but slow");
  });
  test("shows a model on its way", () => {
    const load = {
      status: "running",
      ref: "bundled:world-m",
      bytes: 950_000,
      totalBytes: 3_800_000,
    } as const;
    const words = draw(App, { ...ready, model: null, load });
    expect(words).toContain("950 kB of 3.8 MB");
    expect(words).toContain("25 %");
  });
  test("keeps the model in use when another cannot be loaded", () => {
    const words = draw(App, { ...ready, load: { status: "error", ref: "file:mine", error } });
    expect(words).toContain("mine could not be loaded; world-m stays in use.");
  });
  test("lists what of a link it did not understand, as plain text", () => {
    const words = draw(App, { ...ready, ignored: ["topK=<b>: expected a whole number from 0 to 200"] });
    expect(words).toContain("topK=&lt;b&gt;");
  });
  test("is calm about a lost device", () => {
    const lost = { error: { code: "device-lost", message: "Gone." }, recovered: true } as const;
    expect(draw(App, { ...ready, lost })).toContain("was lost and is back");
  });
});
