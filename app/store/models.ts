/** Actions on the engine and its model: look, open, load, start again after a loss. */
import type { ModelInfo, ModelRef } from "../../lab/protocol.ts";
import { LabError, toErrorData, type ErrorData } from "../../lib/errors.ts";
import { checkCapability } from "../capability.ts";
import { begin, isCurrent, type Lab } from "./lab.ts";
import { noReading, type LabState } from "./state.ts";

/** What the lab opens with when nobody says otherwise. */
const favourite: ModelRef = "bundled:world-m";

/** Was this model trained on the toy world? */
export const isWorldModel = (ref: string): boolean => ref.startsWith("bundled:world");

/** The model a link asks for, where it can be had without the visitor's files; else the lab's own first choice. */
export function firstModel(lab: Lab): ModelRef | null {
  const { engine, wanted } = lab.store.getState();
  if (engine.status !== "open") return null;
  const refs = engine.bundled.map((model) => model.ref);
  return refs.find((ref) => ref === wanted) ?? refs.find((ref) => ref === favourite) ?? refs[0] ?? null;
}

/** The model the link names but the page does not have: its name, or null when all is well. */
export function missingModel(state: Pick<LabState, "wanted" | "model" | "load">): string | null {
  const { wanted, model, load } = state;
  if (wanted === "" || model === null || model.ref === wanted) return null;
  if (load.status === "running" && load.ref === wanted) return null;
  return wanted.slice(wanted.indexOf(":") + 1);
}

/** Checks the browser, opens the engine and loads the first model. True when a model is ready. */
export async function start(lab: Lab): Promise<boolean> {
  const { store, engine } = lab;
  store.setState({ engine: { status: "checking" } });
  const missing = await checkCapability(lab.place);
  if (missing !== null) {
    store.setState({ engine: { status: "blocked", reason: missing } });
    return false;
  }
  store.setState({ engine: { status: "opening" } });
  try {
    const { adapter, bundled } = await engine.call("open", {});
    store.setState({ engine: { status: "open", adapter, bundled } });
  } catch (thrown) {
    store.setState({ engine: { status: "error", error: toErrorData(thrown) } });
    return false;
  }
  const ref = firstModel(lab);
  return ref !== null && (await loadModel(lab, ref));
}

/** Loads a model and keeps the one before until the new one is there. True when it is ready. */
export async function loadModel(lab: Lab, ref: ModelRef): Promise<boolean> {
  const { store, engine } = lab;
  const files = lab.files.get(ref);
  const bundledBytes = bytesOf(store.getState(), ref);
  store.setState({ load: { status: "running", ref, bytes: 0, totalBytes: bundledBytes } });
  const run = await begin(lab, "load");
  if (!isCurrent(lab, "load", run)) return false;
  const onEvent = (event: { readonly bytes: number; readonly totalBytes: number }): void => {
    if (!isCurrent(lab, "load", run)) return;
    store.setState({ load: { status: "running", ref, bytes: event.bytes, totalBytes: event.totalBytes } });
  };
  const params = files === undefined ? { ref } : { ref, files };
  const call = engine.call("load", params, { signal: run.controller.signal, onEvent });
  run.settled = call.catch(() => undefined);
  try {
    const model = await call;
    if (!isCurrent(lab, "load", run)) return false;
    store.setState({ load: { status: "idle" }, model, lost: null });
    await refreshMemory(lab);
    return true;
  } catch (thrown) {
    if (!isCurrent(lab, "load", run)) return false;
    const error = toErrorData(thrown);
    store.setState({
      load: error.code === "cancelled" ? { status: "idle" } : { status: "error", ref, error },
    });
    return false;
  }
}

const bytesOf = (state: LabState, ref: ModelRef): number =>
  (state.engine.status === "open" && state.engine.bundled.find((model) => model.ref === ref)?.bytes) || 0;

/** Loads a model because the visitor chose it: the link names it from now on. */
export async function chooseModel(lab: Lab, ref: ModelRef): Promise<boolean> {
  const isReady = await loadModel(lab, ref);
  if (isReady) lab.store.setState({ wanted: ref === favourite ? "" : ref, reading: noReading });
  return isReady;
}

const needed = ["config.json", "tokenizer.json"] as const;

/** The model's name in a set of chosen files: the folder they lie in, else the name of the weights. */
export function modelName(
  files: readonly { readonly name: string; readonly webkitRelativePath?: string }[],
): string {
  const weights = files.find((file) => file.name.endsWith(".safetensors"));
  const path = (weights?.webkitRelativePath ?? "").split("/");
  const name = path.length > 1 ? path.at(-2) : weights?.name.replace(/\.safetensors$/, "");
  return plainName(name ?? "");
}

/** A name in letters a link can hold. */
function plainName(name: string): string {
  const plain = name.replaceAll(/[^\p{L}\p{N} ._-]/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "");
  return plain === "" ? "model" : plain.slice(0, 80);
}

/** What is missing from chosen files, as an error; null when they can be loaded. */
export function checkFiles(files: readonly { readonly name: string }[]): ErrorData | null {
  const names = files.map((file) => file.name);
  const missing = needed.filter((name) => !names.includes(name)) as string[];
  const nWeights = names.filter((name) => name.endsWith(".safetensors")).length;
  if (nWeights === 0) missing.push("model.safetensors");
  if (missing.length === 0 && nWeights === 1) return null;
  if (missing.length === 0) {
    return {
      code: "unsupported",
      message: `There are ${nWeights} .safetensors files here; Benchtop reads models that come in one.`,
    };
  }
  return {
    code: "not-found",
    message: `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing from what you chose.`,
    hint: "A model in Hugging Face layout has config.json, tokenizer.json and model.safetensors side by side: choose all three, or their folder.",
  };
}

/** Loads a model from files of the visitor's own disk; `folder` is the name of the folder they were dropped in. */
export async function openFiles(
  lab: Lab,
  all: readonly File[],
  folder: string | null = null,
): Promise<boolean> {
  const files = all.filter((file) => /\.(json|safetensors)$/.test(file.name));
  const ref: ModelRef = `file:${folder === null ? modelName(files) : plainName(folder)}`;
  const error = checkFiles(files);
  if (error !== null) {
    lab.store.setState({ load: { status: "error", ref, error } });
    return false;
  }
  lab.files.set(ref, files);
  return chooseModel(lab, ref);
}

export function stopLoading(lab: Lab): void {
  lab.runs.load?.controller.abort();
  lab.store.setState({ load: { status: "idle" } });
}

export const dismissLoadError = (lab: Lab): void => lab.store.setState({ load: { status: "idle" } });

/** Asks how much memory is in use; a status line without an answer keeps the last one. */
export async function refreshMemory(lab: Lab): Promise<void> {
  try {
    const { memory } = await lab.engine.call("status", {});
    lab.store.setState({ memory });
  } catch {
    // The call that made the memory interesting has shown its own error.
  }
}

/** Says that the device is lost and, once it is back, loads the model again. */
export function watchDevice(lab: Lab): void {
  lab.engine.onLost((error, recovered) => {
    const model: ModelInfo | null = lab.store.getState().model;
    lab.store.setState({ lost: { error, recovered } });
    if (recovered && model !== null) void loadModel(lab, model.ref);
  });
}

/** Nothing can be asked of the model now: why, as an error; null when it can. */
export function notReady(state: LabState): LabError | null {
  if (state.model === null)
    return new LabError("not-found", "No model is loaded yet.", "Choose one at the top of the page.");
  if (!state.model.hasTokenizer) {
    return new LabError(
      "unsupported",
      "This model came without a tokenizer, so it cannot read text.",
      "Open it again with its tokenizer.json.",
    );
  }
  return null;
}
