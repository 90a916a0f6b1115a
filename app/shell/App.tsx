import { lazy, Suspense, useEffect, type ComponentType } from "react";
import { Button } from "react-aria-components";
import { PlaygroundPage } from "../playground/PlaygroundPage.tsx";
import { pages, type PageId } from "../link/pages.ts";
import { Messages } from "./Messages.tsx";
import { DropTarget } from "./DropTarget.tsx";
import { useLabState } from "./lab_context.tsx";
import { StatusLine } from "./StatusLine.tsx";
import { TopBar } from "./TopBar.tsx";

const views: Readonly<Record<PageId, ComponentType>> = {
  playground: PlaygroundPage,
  attention: lazy(async () => ({ default: (await import("../attention/AttentionPage.tsx")).AttentionPage })),
  world: lazy(async () => ({ default: (await import("../world/WorldPage.tsx")).WorldPage })),
};

/** The whole page. */
export function App() {
  const page = useLabState((state) => state.page);
  useTheme();
  useEffect(() => {
    document.title = `${pages[page].title} · Benchtop`;
  }, [page]);
  const View = views[page];
  return (
    <>
      <Button className="skip" onPress={() => document.getElementById("main")?.focus()}>
        Skip to the bench
      </Button>
      <TopBar />
      <main id="main" tabIndex={-1}>
        <Messages />
        <Suspense fallback={<div className="bench-page" aria-busy />}>
          <View />
        </Suspense>
      </main>
      <StatusLine />
      <DropTarget />
    </>
  );
}

/** Tells the style sheet which theme the visitor chose. */
function useTheme(): void {
  const theme = useLabState((state) => state.theme);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}
