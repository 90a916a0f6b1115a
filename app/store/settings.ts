/** Actions on what a link and the visitor's own browser keep: page, settings, theme. */
import { readLink, writeLink, type AnyLink } from "../link/codec.ts";
import type { PageId, PageValues } from "../link/pages.ts";
import type { Lab } from "./lab.ts";
import type { LabState, Theme } from "./state.ts";

/** The link of what is on the screen. */
export const linkOf = (state: LabState): string =>
  writeLink({ page: state.page, model: state.wanted, values: state[state.page] } as AnyLink);

/** Takes over a link; what it does not say goes back to its default on that page. */
export function openLink(lab: Lab, hash: string): void {
  const { link, ignored } = readLink(hash);
  lab.store.setState({ page: link.page, wanted: link.model, [link.page]: link.values, ignored });
}

export const showPage = (lab: Lab, page: PageId): void => lab.store.setState({ page });

/** Changes some settings of a page. */
export function change<P extends PageId>(lab: Lab, page: P, values: Partial<PageValues[P]>): void {
  lab.store.setState((state) => ({ [page]: { ...state[page], ...values } }) as Partial<LabState>);
}

export const dismissIgnored = (lab: Lab): void => lab.store.setState({ ignored: [] });
export const dismissLost = (lab: Lab): void => lab.store.setState({ lost: null });

const themeKey = "benchtop.theme";
const isTheme = (text: string | null): text is Theme =>
  text === "light" || text === "dark" || text === "system";

type Storage = Pick<globalThis.Storage, "getItem" | "setItem">;

/** The theme the visitor chose before; a browser that keeps nothing, or refuses to say, gives the system's. */
export function storedTheme(storage: () => Storage): Theme {
  try {
    const text = storage().getItem(themeKey);
    return isTheme(text) ? text : "system";
  } catch {
    return "system";
  }
}

export function chooseTheme(lab: Lab, theme: Theme, storage: () => Storage): void {
  lab.store.setState({ theme });
  try {
    storage().setItem(themeKey, theme);
  } catch {
    // A browser that keeps nothing still shows the theme until it is closed.
  }
}
