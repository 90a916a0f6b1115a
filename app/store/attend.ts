/** Actions of the attention bench: read a text, fetch a layer's maps. */
import type { ModelInfo } from "../../lab/protocol.ts";
import { LabError, toErrorData } from "../../lib/errors.ts";
import { begin, isCurrent, type Lab } from "./lab.ts";
import { notReady, refreshMemory } from "./models.ts";
import { change, showPage } from "./settings.ts";
import { noReading, type LabState, type LayerPattern, type Reading } from "./state.ts";

/** Layers whose maps are kept; a map of 512 tokens and 8 heads takes 8 MB. */
const mostPatterns = 4;

const patch = (lab: Lab, part: Partial<Reading>): void =>
  lab.store.setState((state) => ({ reading: { ...state.reading, ...part } }));

/** The layer and head to show, and what of the link this model does not have. */
export function viewOf(
  model: Pick<ModelInfo, "nLayer" | "nHead">,
  wanted: { readonly layer: number; readonly head: number },
) {
  const refused: string[] = [];
  if (wanted.layer >= model.nLayer)
    refused.push(`layer ${wanted.layer} (this model has layers 0 to ${model.nLayer - 1})`);
  if (wanted.head >= model.nHead)
    refused.push(`head ${wanted.head} (this model has heads 0 to ${model.nHead - 1})`);
  return {
    layer: wanted.layer < model.nLayer ? wanted.layer : 0,
    head: wanted.head < model.nHead ? wanted.head : 0,
    refused,
  };
}

/** Does the figure on the screen belong to another text or model? */
export const isReadingStale = (state: Pick<LabState, "reading" | "attention" | "model">): boolean =>
  state.reading.text !== null &&
  (state.reading.text !== state.attention.text || state.reading.ref !== state.model?.ref);

/** Reads the text and fetches the maps of the layer in view. */
export async function attend(lab: Lab): Promise<void> {
  const state = lab.store.getState();
  const problem =
    notReady(state) ??
    (state.attention.text.trim() === ""
      ? new LabError("bad-param", "There is no text to read.", "Write a sentence first.")
      : null);
  if (problem !== null || state.model === null) {
    patch(lab, { status: "error", error: toErrorData(problem) });
    return;
  }
  const { text } = state.attention;
  const { ref } = state.model;
  patch(lab, { status: "running", error: null });
  const run = await begin(lab, "attention");
  if (!isCurrent(lab, "attention", run)) return;
  const call = lab.engine.call("attention", { text }, { signal: run.controller.signal });
  run.settled = call.catch(() => undefined);
  try {
    const summary = await call;
    if (!isCurrent(lab, "attention", run)) return;
    lab.store.setState({ reading: { ...noReading, status: "done", ref, text, summary } });
    await fetchPattern(lab);
    await refreshMemory(lab);
  } catch (thrown) {
    if (isCurrent(lab, "attention", run)) fail(lab, thrown);
  }
}

function fail(lab: Lab, thrown: unknown): void {
  const error = toErrorData(thrown);
  const { summary } = lab.store.getState().reading;
  patch(
    lab,
    error.code === "cancelled" ? { status: summary === null ? "idle" : "done" } : { status: "error", error },
  );
}

/** Keeps the newest maps first and drops the oldest. */
export const remember = (patterns: readonly LayerPattern[], pattern: LayerPattern): readonly LayerPattern[] =>
  [pattern, ...patterns.filter((kept) => kept.layer !== pattern.layer)].slice(0, mostPatterns);

/** Fetches the maps of the layer in view, unless they are here. */
export async function fetchPattern(lab: Lab): Promise<void> {
  const { reading, attention, model } = lab.store.getState();
  const { text, summary } = reading;
  if (text === null || summary === null || model === null) return;
  const { layer } = viewOf(summary, attention);
  if (reading.patterns.some((pattern) => pattern.layer === layer)) return;
  const run = await begin(lab, "pattern");
  if (!isCurrent(lab, "pattern", run)) return;
  const call = lab.engine.call("pattern", { text, layer }, { signal: run.controller.signal });
  run.settled = call.catch(() => undefined);
  try {
    const answer = await call;
    if (!isCurrent(lab, "pattern", run) || lab.store.getState().reading.summary !== summary) return;
    patch(lab, { patterns: remember(lab.store.getState().reading.patterns, { layer, ...answer }) });
  } catch (thrown) {
    if (isCurrent(lab, "pattern", run)) fail(lab, thrown);
  }
}

/** Shows a layer and a head. */
export function look(lab: Lab, layer: number, head: number): Promise<void> {
  change(lab, "attention", { layer, head });
  return fetchPattern(lab);
}

export function stopAttending(lab: Lab): void {
  lab.runs.attention?.controller.abort();
  lab.runs.pattern?.controller.abort();
  fail(lab, new LabError("cancelled", "Cancelled."));
}

/** Carries a text from the playground to the attention bench. */
export function attendTo(lab: Lab, text: string): Promise<void> {
  change(lab, "attention", { text });
  showPage(lab, "attention");
  return attend(lab);
}
