/** Keeps the address bar and the state in step: edits replace the entry, another page adds one, back and forward work. */
import type { Lab } from "./store/lab.ts";
import { attend, isReadingStale } from "./store/attend.ts";
import { generate, isStale } from "./store/generate.ts";
import { firstModel, loadModel } from "./store/models.ts";
import { linkOf, openLink } from "./store/settings.ts";

/** What the page needs of a window, so that a test can bring its own. */
export interface Window {
  readonly location: { readonly hash: string };
  readonly history: Pick<History, "pushState" | "replaceState">;
  addEventListener(type: "popstate" | "hashchange", listener: (event: Event) => void): void;
}

/** Browsers refuse more than about a hundred address changes in half a minute. */
const msBetweenWrites = 350;

/** Draws the first figure of the page in view when there is none yet; `isNew` draws it again when it is of another text. */
export async function showFigure(lab: Lab, isNew = false): Promise<void> {
  const { page, model, generation, reading, load } = lab.store.getState();
  if (model === null || load.status === "running") return;
  if (page === "playground" && (generation.status === "idle" || (isNew && isStale(lab.store.getState()))))
    await generate(lab);
  if (page === "attention" && (reading.status === "idle" || (isNew && isReadingStale(lab.store.getState()))))
    await attend(lab);
}

/** Reads the address now and follows it from now on, in both directions. */
export function followAddress(lab: Lab, window: Window): void {
  let written = window.location.hash;
  let page = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  const open = (): void => {
    written = window.location.hash;
    openLink(lab, written);
    page = lab.store.getState().page;
  };

  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const state = lab.store.getState();
    const link = linkOf(state);
    if (link === written) return;
    const isOtherPage = state.page !== page;
    page = state.page;
    written = link;
    window.history[isOtherPage ? "pushState" : "replaceState"](null, "", link);
  };

  const follow = async (): Promise<void> => {
    if (window.location.hash === written) return;
    clearTimeout(timer);
    open();
    const ref = firstModel(lab);
    const { model, wanted } = lab.store.getState();
    if (ref !== null && ref !== model?.ref && (wanted === ref || wanted === "")) await loadModel(lab, ref);
    await showFigure(lab, true);
  };

  open();
  lab.store.subscribe((state) => {
    if (state.page !== page) write();
    else timer ??= setTimeout(write, msBetweenWrites);
  });
  window.addEventListener("popstate", () => void follow());
  window.addEventListener("hashchange", () => void follow());
}
