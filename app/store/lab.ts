/** The store and, beside it, what may not lie in it: the engine, chosen files and the calls that run. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { Engine, ModelRef } from "../../lab/protocol.ts";
import type { Surroundings } from "../capability.ts";
import { attentionSchema, playgroundSchema, worldSchema } from "../link/pages.ts";
import { defaultsOf } from "../link/schema.ts";
import { noGeneration, noReading, type LabState } from "./state.ts";

/** One run of one kind; a newer one makes it stale, and what still comes from it is ignored. */
export interface Run {
  readonly controller: AbortController;
  /** Settles when the engine has let go of the call, however it ended. */
  settled: Promise<unknown>;
}

export interface Lab {
  readonly store: StoreApi<LabState>;
  readonly engine: Engine;
  readonly place: Surroundings;
  /** Runs a task soon and once: the next frame in a page, at once in a test. */
  readonly schedule: (task: () => void) => void;
  readonly files: Map<ModelRef, readonly File[]>;
  readonly runs: Partial<Record<"load" | "generate" | "attention" | "pattern", Run>>;
}

/** What the page knows before it has looked at anything. */
export function initialState(): LabState {
  return {
    page: "playground",
    wanted: "",
    playground: defaultsOf(playgroundSchema),
    attention: defaultsOf(attentionSchema),
    world: defaultsOf(worldSchema),
    theme: "system",
    ignored: [],
    engine: { status: "checking" },
    load: { status: "idle" },
    model: null,
    memory: null,
    lost: null,
    generation: noGeneration,
    reading: noReading,
  };
}

export function createLab(
  engine: Engine,
  place: Surroundings,
  schedule: Lab["schedule"],
  state: Partial<LabState> = {},
): Lab {
  const store = createStore<LabState>(() => ({ ...initialState(), ...state }));
  return { store, engine, place, schedule, files: new Map(), runs: {} };
}

/** Starts a run of a kind: cancels the one before it and waits until the engine has let go of that. */
export async function begin(lab: Lab, kind: keyof Lab["runs"]): Promise<Run> {
  const before = lab.runs[kind];
  const run: Run = { controller: new AbortController(), settled: Promise.resolve() };
  lab.runs[kind] = run;
  if (before !== undefined) {
    before.controller.abort();
    await before.settled;
  }
  return run;
}

/** Is this still the run that matters? */
export const isCurrent = (lab: Lab, kind: keyof Lab["runs"], run: Run): boolean =>
  lab.runs[kind] === run && !run.controller.signal.aborted;
