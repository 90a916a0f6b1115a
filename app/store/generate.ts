/** Actions of the playground: write on from a text, stop, go on. */
import type { ScoredToken } from "../../lab/protocol.ts";
import { toErrorData } from "../../lib/errors.ts";
import { begin, isCurrent, type Lab } from "./lab.ts";
import { notReady, refreshMemory } from "./models.ts";
import { change } from "./settings.ts";
import { noGeneration, type Generation, type GenerationRequest, type LabState } from "./state.ts";
import { append, textOf, toChunks } from "./tokens.ts";

const nRunnersUp = 8;

/** What the settings on the screen ask for; null without a model. */
export function requestOf(state: Pick<LabState, "model" | "playground">): GenerationRequest | null {
  if (state.model === null) return null;
  const { prompt, maxNewTokens, n, temperature, topK, topP, minP, seed } = state.playground;
  return { ref: state.model.ref, prompt, maxNewTokens, n, sampling: { temperature, topK, topP, minP, seed } };
}

/** Do the settings on the screen still describe the text on the screen? */
export function isStale(state: Pick<LabState, "model" | "playground" | "generation">): boolean {
  const { request } = state.generation;
  const now = requestOf(state);
  return request !== null && now !== null && JSON.stringify(request) !== JSON.stringify(now);
}

const patch = (lab: Lab, part: Partial<Generation>): void =>
  lab.store.setState((state) => ({ generation: { ...state.generation, ...part } }));

/** Writes on from the prompt. The text on the screen changes at most once a frame, however fast tokens come. */
export async function generate(lab: Lab): Promise<void> {
  const state = lab.store.getState();
  const problem = notReady(state);
  const request = requestOf(state);
  if (problem !== null || request === null) {
    patch(lab, { status: "error", error: toErrorData(problem) });
    return;
  }
  const { ref: _ref, ...asked } = request;
  const before = state.generation;
  lab.store.setState({
    generation: {
      ...noGeneration,
      status: "running",
      request,
      continuations: Array.from({ length: request.n }, () => []),
    },
  });
  const run = await begin(lab, "generate");
  if (!isCurrent(lab, "generate", run)) return;

  const arrived: ScoredToken[][] = Array.from({ length: request.n }, () => []);
  let isScheduled = false;
  const flush = (): void => {
    isScheduled = false;
    if (!isCurrent(lab, "generate", run)) return;
    const { continuations } = lab.store.getState().generation;
    patch(lab, {
      continuations: continuations.map((chunks, i) => append(chunks, arrived[i]?.splice(0) ?? [])),
    });
  };
  const call = lab.engine.call(
    "generate",
    { ...asked, nRunnersUp },
    {
      signal: run.controller.signal,
      onEvent: (event) => {
        if (!isCurrent(lab, "generate", run)) return;
        if (event.kind === "prompt") return patch(lab, { prompt: toChunks(event.tokens) });
        arrived[event.continuation]?.push(event.token);
        if (isScheduled) return;
        isScheduled = true;
        lab.schedule(flush);
      },
    },
  );
  run.settled = call.catch(() => undefined);
  try {
    const { stopped, timing } = await call;
    if (!isCurrent(lab, "generate", run)) return keepTiming(lab, run, timing);
    flush();
    patch(lab, { status: "done", stopped, timing });
  } catch (thrown) {
    if (!isCurrent(lab, "generate", run)) return;
    flush();
    const error = toErrorData(thrown);
    if (error.code === "cancelled") patch(lab, { status: "done", stopped: "cancelled" });
    else if (lab.store.getState().generation.prompt.length > 0) patch(lab, { status: "error", error });
    // It failed before its first word: the text that stood there is worth more than an empty figure.
    else patch(lab, { ...before, status: "error", error });
  }
  await refreshMemory(lab);
}

/** A stopped run that nothing has replaced still tells how fast it was. */
function keepTiming(lab: Lab, run: Lab["runs"]["generate"], timing: Generation["timing"]): void {
  if (lab.runs.generate === run) patch(lab, { timing });
}

/** Stops at once: what has been written stays, what still comes is ignored. */
export function stopGenerating(lab: Lab): void {
  const run = lab.runs.generate;
  if (run === undefined || lab.store.getState().generation.status !== "running") return;
  run.controller.abort();
  patch(lab, { status: "done", stopped: "cancelled" });
}

/** Takes a continuation into the prompt and writes on from its end. */
export function continueFrom(lab: Lab, continuation: number): Promise<void> {
  const { request, continuations } = lab.store.getState().generation;
  const chunks = continuations[continuation];
  if (request === null || chunks === undefined) return Promise.resolve();
  change(lab, "playground", { prompt: request.prompt + textOf(chunks) });
  return generate(lab);
}
