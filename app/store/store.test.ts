import { describe, expect, test, vi } from "vitest";
import { expectClose, float64, printed } from "../../lib/testing/close.ts";
import { LabError } from "../../lib/errors.ts";
import { createFakeEngine, fakeModel, type FakeOptions } from "../fixtures/fake_engine.ts";
import { readLink } from "../link/codec.ts";
import { pageIds } from "../link/pages.ts";
import { attend, attendTo, fetchPattern, isReadingStale, look, remember, viewOf } from "./attend.ts";
import { continueFrom, generate, isStale, stopGenerating } from "./generate.ts";
import { createLab, initialState, type Lab } from "./lab.ts";
import {
  checkFiles,
  chooseModel,
  firstModel,
  loadModel,
  missingModel,
  modelName,
  openFiles,
  start,
  stopLoading,
  watchDevice,
} from "./models.ts";
import { change, chooseTheme, linkOf, openLink, showPage, storedTheme } from "./settings.ts";
import { places, type LayerPattern } from "./state.ts";
import { append, chunkSize, countTokens, score, textOf, toChunks, tokenAt } from "./tokens.ts";
import { fakeScored } from "../fixtures/fake_engine.ts";

const browser = {
  isSecureContext: true,
  navigator: { userAgent: "Chrome/143", gpu: { requestAdapter: async (): Promise<object | null> => ({}) } },
};

function labWith(options: FakeOptions = {}) {
  const engine = createFakeEngine(options);
  const lab: Lab = createLab(engine, browser, (task) => queueMicrotask(task));
  return { lab, engine, state: () => lab.store.getState() };
}

async function ready(options: FakeOptions = {}) {
  const all = labWith(options);
  expect(await start(all.lab)).toBe(true);
  return all;
}

// Other work on the machine must not make these fail.
vi.setConfig({ testTimeout: 20_000 });

const until = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1, timeout: 15_000 });
const file = (name: string): File => new File(["{}"], name);

describe("state", () => {
  test("every key says where it may be kept, and the pages are all in the link", () => {
    expect(Object.keys(places).sort()).toEqual(Object.keys(initialState()).sort());
    const inLink = Object.entries(places).filter(([, place]) => place === "url");
    expect(inLink.map(([key]) => key).sort()).toEqual(["page", "wanted", ...pageIds].sort());
  });

  test("holds plain data only", async () => {
    const { lab, state } = await ready();
    await generate(lab);
    await attendTo(lab, "The fog was cold.");
    expect(() => structuredClone(state())).not.toThrow();
  });

  test("a link opens the state it was written from", () => {
    const { lab, state } = labWith();
    change(lab, "playground", { prompt: "The fog", seed: 9 });
    const link = linkOf(state());
    const other = labWith();
    openLink(other.lab, link);
    expect(other.state().playground).toEqual(state().playground);
    expect(linkOf(other.state())).toBe(link);
    openLink(other.lab, "#/playground?seed=x");
    expect(other.state().playground).toEqual(initialState().playground);
    expect(other.state().ignored).toHaveLength(1);
  });

  test("each page keeps its own settings", () => {
    const { lab, state } = labWith();
    change(lab, "world", { index: 3 });
    showPage(lab, "world");
    expect(linkOf(state())).toBe("#/world?v=1&index=3");
    showPage(lab, "playground");
    expect(linkOf(state())).toBe("#/playground");
  });

  test("the theme is kept, and a browser that keeps nothing is no error", () => {
    const { lab, state } = labWith();
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    chooseTheme(lab, "dark", () => storage);
    expect(state().theme).toBe("dark");
    expect(storedTheme(() => storage)).toBe("dark");
    const shut = {
      getItem: (): string => {
        throw new Error("shut");
      },
      setItem: (): void => {
        throw new Error("shut");
      },
    };
    chooseTheme(lab, "light", () => shut);
    expect(storedTheme(() => shut)).toBe("system");
  });
});

describe("starting", () => {
  test("opens the engine and loads the favourite", async () => {
    const { state } = await ready();
    expect(state().engine.status).toBe("open");
    expect(state().model?.ref).toBe("bundled:world-m");
    expect(state().memory).not.toBeNull();
  });

  test("stops at what the browser lacks, without a call", async () => {
    const engine = createFakeEngine();
    const lab = createLab(engine, { ...browser, isSecureContext: false }, queueMicrotask);
    expect(await start(lab)).toBe(false);
    expect(lab.store.getState().engine).toMatchObject({
      status: "blocked",
      reason: { missing: "secure-context" },
    });
    expect(engine.calls).toEqual([]);
  });

  test("shows the engine's error", async () => {
    const { lab, state } = labWith({
      failing: { open: new LabError("no-adapter", "No adapter.", "Update the driver.") },
    });
    expect(await start(lab)).toBe(false);
    expect(state().engine).toEqual({
      status: "error",
      error: { code: "no-adapter", message: "No adapter.", hint: "Update the driver." },
    });
  });

  test("takes the model of the link where there is one, else says which is missing", async () => {
    const { lab, state } = labWith();
    openLink(lab, "#/playground?v=1&model=bundled:world-s");
    await start(lab);
    expect(state().model?.ref).toBe("bundled:world-s");
    expect(missingModel(state())).toBeNull();
    openLink(lab, "#/playground?v=1&model=file:mine");
    expect(firstModel(lab)).toBe("bundled:world-m");
    expect(missingModel(state())).toBe("mine");
  });
});

describe("loading", () => {
  test("shows progress and keeps the old model until the new one is there", async () => {
    const { lab, state } = await ready();
    const load = loadModel(lab, "bundled:world-s");
    await until(() =>
      expect(state().load).toMatchObject({
        status: "running",
        ref: "bundled:world-s",
        totalBytes: 3_800_000,
      }),
    );
    expect(state().model?.ref).toBe("bundled:world-m");
    expect(await load).toBe(true);
    expect(state().model?.ref).toBe("bundled:world-s");
  });

  test("an error leaves the old model in use", async () => {
    const { lab, state, engine } = await ready();
    engine.call = () => Promise.reject(new LabError("bad-file", "Not a model."));
    expect(await chooseModel(lab, "bundled:world-s")).toBe(false);
    expect(state().load).toMatchObject({
      status: "error",
      ref: "bundled:world-s",
      error: { code: "bad-file" },
    });
    expect(state().model?.ref).toBe("bundled:world-m");
    expect(state().wanted).toBe("");
  });

  test("Stop stops, and what comes late is ignored", async () => {
    const { lab, state } = await ready({ msPerStep: 2 });
    const load = loadModel(lab, "bundled:world-s");
    await until(() => expect(state().load).toMatchObject({ status: "running", bytes: 475_000 }));
    stopLoading(lab);
    expect(await load).toBe(false);
    expect(state().load).toEqual({ status: "idle" });
    expect(state().model?.ref).toBe("bundled:world-m");
  });

  test("a second choice replaces the first", async () => {
    const { lab, state } = await ready();
    const first = chooseModel(lab, "bundled:world-s");
    const second = chooseModel(lab, "bundled:world-m");
    expect(await first).toBe(false);
    expect(await second).toBe(true);
    expect(state().model?.ref).toBe("bundled:world-m");
  });

  test("takes a model from chosen files", async () => {
    const { lab, state, engine } = await ready();
    const files = [file("config.json"), file("tokenizer.json"), file("model.safetensors"), file("README.md")];
    expect(await openFiles(lab, files)).toBe(true);
    expect(state().wanted).toBe("file:model");
    const sent = engine.calls.filter((call) => call.method === "load").at(-1)?.params;
    expect(sent).toEqual({ ref: "file:model", files: files.slice(0, 3) });
  });

  test("says which file is missing", async () => {
    const { lab, state } = await ready();
    expect(await openFiles(lab, [file("config.json")])).toBe(false);
    expect(state().load).toMatchObject({
      status: "error",
      error: { message: "tokenizer.json and model.safetensors are missing from what you chose." },
    });
    expect(
      checkFiles([
        { name: "config.json" },
        { name: "tokenizer.json" },
        { name: "a.safetensors" },
        { name: "b.safetensors" },
      ]),
    ).toMatchObject({ code: "unsupported" });
  });

  test("names a model after its folder or its file, in letters a link can hold", () => {
    expect(
      modelName([{ name: "model.safetensors", webkitRelativePath: "SmolLM2-135M/model.safetensors" }]),
    ).toBe("SmolLM2-135M");
    expect(modelName([{ name: "tiny.safetensors" }])).toBe("tiny");
    expect(modelName([{ name: "..<b>.safetensors" }])).toBe("b-");
    expect(modelName([])).toBe("model");
    for (const name of ["SmolLM2-135M", "b-", "model"])
      expect(readLink(`#/world?model=file:${name}`).ignored).toEqual([]);
  });

  test("loads again once a lost device is back", async () => {
    const { lab, state, engine } = await ready();
    watchDevice(lab);
    engine.lose(false);
    expect(state().lost).toMatchObject({ recovered: false });
    const nLoads = engine.calls.filter((call) => call.method === "load").length;
    engine.lose(true);
    await until(() => expect(state().lost).toBeNull());
    expect(engine.calls.filter((call) => call.method === "load").length).toBe(nLoads + 1);
  });
});

describe("generating", () => {
  test("goes from idle through running to done", async () => {
    const { lab, state, engine } = await ready();
    expect(state().generation.status).toBe("idle");
    change(lab, "playground", { n: 2, seed: 3 });
    const call = generate(lab);
    expect(state().generation).toMatchObject({ status: "running", continuations: [[], []] });
    await call;
    const { generation } = state();
    expect(generation).toMatchObject({ status: "done", stopped: "eos" });
    expect(textOf(generation.prompt)).toBe(state().playground.prompt);
    expect(generation.continuations.map(countTokens).every((n) => n > 10)).toBe(true);
    expect(engine.calls.at(-2)?.params).toMatchObject({
      n: 2,
      sampling: { seed: 3, temperature: 0.7 },
      nRunnersUp: 8,
    });
    expect(isStale(state())).toBe(false);
    change(lab, "playground", { seed: 4 });
    expect(isStale(state())).toBe(true);
  });

  test("Stop keeps what is written and ignores what comes late", async () => {
    const { lab, state } = await ready({ msPerStep: 1 });
    const call = generate(lab);
    await until(() => expect(countTokens(state().generation.continuations[0] ?? [])).toBeGreaterThan(3));
    stopGenerating(lab);
    const before = state().generation;
    expect(before).toMatchObject({ status: "done", stopped: "cancelled" });
    await call;
    expect(state().generation.continuations).toEqual(before.continuations);
    expect(state().generation.status).toBe("done");
  });

  test("a newer run takes over, and nothing of the older one arrives in it", async () => {
    const { lab, state } = await ready({ msPerStep: 1 });
    const first = generate(lab);
    await until(() => expect(countTokens(state().generation.continuations[0] ?? [])).toBeGreaterThan(1));
    change(lab, "playground", { seed: 5 });
    await Promise.all([first, generate(lab)]);
    const again = await ready();
    change(again.lab, "playground", { seed: 5 });
    await generate(again.lab);
    expect(textOf(state().generation.continuations[0]!)).toBe(
      textOf(again.state().generation.continuations[0]!),
    );
  });

  test("an error is kept with what was written before", async () => {
    const { lab, state } = await ready({
      failing: { generate: new LabError("out-of-memory", "Too long.", "Use a shorter text.") },
    });
    await generate(lab);
    expect(state().generation).toMatchObject({
      status: "error",
      error: { code: "out-of-memory", hint: "Use a shorter text." },
    });
  });

  test("an error before the first word leaves the text that stood there", async () => {
    const { lab, state, engine } = await ready();
    await generate(lab);
    const { continuations } = state().generation;
    engine.call = () => Promise.reject(new LabError("out-of-memory", "Too long."));
    await generate(lab);
    expect(state().generation).toMatchObject({ status: "error", error: { code: "out-of-memory" } });
    expect(state().generation.continuations).toBe(continuations);
  });

  test("without a model it says so", async () => {
    const { lab, state } = labWith();
    await generate(lab);
    expect(state().generation).toMatchObject({ status: "error", error: { code: "not-found" } });
  });

  test("goes on from the end of a continuation", async () => {
    const { lab, state } = await ready();
    await generate(lab);
    const written = textOf(state().generation.continuations[0]!);
    const { prompt } = state().playground;
    await continueFrom(lab, 0);
    expect(state().playground.prompt).toBe(prompt + written);
    expect(state().generation.request?.prompt).toBe(prompt + written);
  });
});

describe("reading", () => {
  test("fetches the summary and the layer in view, and each layer once", async () => {
    const { lab, state, engine } = await ready();
    await attend(lab);
    expect(state().reading).toMatchObject({ status: "done", patterns: [{ layer: 0, nHead: 8 }] });
    await look(lab, 2, 5);
    await look(lab, 0, 1);
    expect(engine.calls.filter((call) => call.method === "pattern").map((call) => call.params)).toMatchObject(
      [{ layer: 0 }, { layer: 2 }],
    );
    change(lab, "attention", { text: "The fog was cold." });
    expect(isReadingStale(state())).toBe(true);
  });

  test("keeps the last figure when the next text fails", async () => {
    const { lab, state, engine } = await ready();
    await attend(lab);
    engine.call = () => Promise.reject(new LabError("bad-param", "Too long."));
    await attend(lab);
    expect(state().reading).toMatchObject({ status: "error", error: { code: "bad-param" } });
    expect(state().reading.summary).not.toBeNull();
  });

  test("does not read an empty text", async () => {
    const { lab, state } = await ready();
    change(lab, "attention", { text: " \n" });
    await attend(lab);
    expect(state().reading).toMatchObject({ status: "error", error: { code: "bad-param" } });
    await fetchPattern(lab);
  });

  test("shows a layer the model has and lists the one it has not", () => {
    expect(viewOf(fakeModel("bundled:x"), { layer: 5, head: 7 })).toEqual({ layer: 5, head: 7, refused: [] });
    expect(viewOf(fakeModel("bundled:x"), { layer: 6, head: 8 })).toEqual({
      layer: 0,
      head: 0,
      refused: ["layer 6 (this model has layers 0 to 5)", "head 8 (this model has heads 0 to 7)"],
    });
  });

  test("keeps the four newest layers", () => {
    const layer = (n: number): LayerPattern => ({
      layer: n,
      nHead: 1,
      nTokens: 1,
      pattern: new Float32Array(1),
    });
    const kept = [0, 1, 2, 1, 3, 4].map(layer).reduce<readonly LayerPattern[]>(remember, []);
    expect(kept.map((pattern) => pattern.layer)).toEqual([4, 3, 1, 2]);
  });
});

describe("token lists", () => {
  const tokens = fakeScored(
    "Once there was a clever boy named Felix. Felix had a wish: a brown bell. At the hill there was one. But he did not have enough coins.",
  );

  test("grow at the end and leave full runs as they are", () => {
    const whole = toChunks(tokens.slice(0, chunkSize));
    const grown = append(append(whole, tokens.slice(chunkSize, chunkSize + 1)), tokens.slice(chunkSize + 1));
    expect(grown).toEqual(toChunks(tokens));
    expect(grown[0]).toBe(whole[0]);
    expect(append(grown, [])).toBe(grown);
    expect(countTokens(grown)).toBe(tokens.length);
    expect(tokenAt(grown, chunkSize)).toBe(tokens[chunkSize]);
    expect(tokenAt(grown, -1)).toBeUndefined();
    expect(textOf(grown)).toContain("clever boy named Felix");
  });

  test("the tokenizer's marks are no part of the text", () => {
    const pieces = ["<bos>", "Tell", " <b>", "<|im_start|>", "<", "s", ">", "</s>", "<eos>"];
    const isMark = [true, false, false, true, false, false, false, true, true];
    const marked = pieces.map((piece, id) => ({
      id,
      piece,
      isSpecial: isMark[id]!,
      logprob: null,
      runnersUp: [],
    }));
    expect(textOf(toChunks(marked))).toBe("Tell <b><s>");
  });

  test("score: probabilities 1/2 and 1/8 give 2 ln 2 nats per token, perplexity 4", () => {
    const at = (p: number | null) => ({
      id: 0,
      piece: "",
      logprob: p === null ? null : Math.log(p),
      runnersUp: [],
    });
    const result = score([at(null), at(1 / 2), at(1 / 8)]);
    expect(result?.n).toBe(2);
    expectClose(result?.meanNll ?? NaN, 1.3862943611, printed(10));
    expectClose(result?.perplexity ?? NaN, 4, float64(4, 4));
    expect(score([at(null)])).toBeNull();
  });
});
