import { createContext, useContext, useSyncExternalStore, type ReactNode } from "react";
import { useStore } from "zustand";
import type { Shade } from "../charts/colour.ts";
import type { Lab } from "../store/lab.ts";
import type { LabState, Theme } from "../store/state.ts";

const LabContext = createContext<Lab | null>(null);

export function LabProvider({ lab, children }: { readonly lab: Lab; readonly children: ReactNode }) {
  return <LabContext value={lab}>{children}</LabContext>;
}

/** The lab: what actions take. */
export function useLab(): Lab {
  const lab = useContext(LabContext);
  if (lab === null) throw new Error("useLab: there is no LabProvider above.");
  return lab;
}

/** A part of the state; the component draws again when that part changes. */
export const useLabState = <T,>(select: (state: LabState) => T): T => useStore(useLab().store, select);

const darkQuery = "(prefers-color-scheme: dark)";

function followSystem(onChange: () => void): () => void {
  const query = matchMedia(darkQuery);
  query.addEventListener("change", onChange);
  return () => query.removeEventListener("change", onChange);
}

/** Light or dark, as the visitor chose or else as the system is set. */
export function useShade(): Shade {
  const theme: Theme = useLabState((state) => state.theme);
  const isSystemDark = useSyncExternalStore(
    followSystem,
    () => matchMedia(darkQuery).matches,
    () => false,
  );
  return theme === "system" ? (isSystemDark ? "dark" : "light") : theme;
}
