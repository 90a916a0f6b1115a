import { createRoot } from "react-dom/client";
import type { Engine } from "../lab/protocol.ts";
import { followAddress, showFigure } from "./address.ts";
import { createWorkerEngine } from "./engine.ts";
import { App } from "./shell/App.tsx";
import { LabProvider } from "./shell/lab_context.tsx";
import { createLab } from "./store/lab.ts";
import { start, watchDevice } from "./store/models.ts";
import { storedTheme } from "./store/settings.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/figures.css";
import "./styles/benches.css";

/** `?fixture` draws the page with made-up numbers while it is being made; the built page has no such door. */
async function chooseEngine(): Promise<Engine> {
  if (import.meta.env.DEV && new URLSearchParams(location.search).has("fixture")) {
    const { createFixtureEngine } = await import("./fixtures/dev_engine.ts");
    return createFixtureEngine(location.search);
  }
  return createWorkerEngine();
}

const root = document.getElementById("root");
if (root) {
  const lab = createLab(await chooseEngine(), window, (task) => void requestAnimationFrame(task), {
    theme: storedTheme(() => localStorage),
  });
  followAddress(lab, window);
  watchDevice(lab);
  createRoot(root).render(
    <LabProvider lab={lab}>
      <App />
    </LabProvider>,
  );
  if (await start(lab)) await showFigure(lab);
}
