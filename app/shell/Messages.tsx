import { Button } from "react-aria-components";
import { showFigure } from "../address.ts";
import { dismissLoadError, loadModel, missingModel, start } from "../store/models.ts";
import { dismissIgnored, dismissLost } from "../store/settings.ts";
import type { Lab } from "../store/lab.ts";
import type { ModelRef } from "../../lab/protocol.ts";
import { useLab, useLabState } from "./lab_context.tsx";
import { nameOf } from "./ModelPicker.tsx";
import { ErrorNotice, Notice } from "./Notice.tsx";

async function startAgain(lab: Lab): Promise<void> {
  if (await start(lab)) await showFigure(lab);
}

async function loadAgain(lab: Lab, ref: ModelRef): Promise<void> {
  if (await loadModel(lab, ref)) await showFigure(lab, true);
}

/** Everything the visitor should know that belongs to no single figure. */
export function Messages() {
  return (
    <div className="messages">
      <EngineMessage />
      <LoadMessage />
      <LinkMessage />
    </div>
  );
}

function EngineMessage() {
  const lab = useLab();
  const engine = useLabState((state) => state.engine);
  const lost = useLabState((state) => state.lost);
  if (engine.status === "blocked") {
    return (
      <Notice
        kind="warning"
        actions={
          <Button className="button" onPress={() => void startAgain(lab)}>
            Look again
          </Button>
        }
      >
        <strong>{engine.reason.what}</strong> {engine.reason.advice}
      </Notice>
    );
  }
  if (engine.status === "error")
    return (
      <ErrorNotice
        title="The engine did not start."
        error={engine.error}
        onRetry={() => void startAgain(lab)}
      />
    );
  if (lost === null) return null;
  return lost.recovered ? (
    <Notice kind="plain">
      The graphics chip was lost and is back. Your model is being loaded again; nothing you wrote is gone.
    </Notice>
  ) : (
    <Notice kind="warning" onClose={() => dismissLost(lab)}>
      <strong>The graphics chip was lost,</strong> perhaps to sleep or to a driver update.{" "}
      {lost.error.hint ?? "The lab is trying to get it back; what you wrote and saw stays here."}
    </Notice>
  );
}

function LoadMessage() {
  const lab = useLab();
  const load = useLabState((state) => state.load);
  const model = useLabState((state) => state.model);
  const isBare = useLabState(
    (state) => state.engine.status === "open" && state.engine.bundled.length === 0 && state.model === null,
  );
  if (load.status === "error") {
    return (
      <ErrorNotice
        title={`${nameOf(load.ref)} could not be loaded${model === null ? "." : `; ${nameOf(model.ref)} stays in use.`}`}
        error={load.error}
        onRetry={
          lab.files.has(load.ref) || load.ref.startsWith("bundled:")
            ? () => void loadAgain(lab, load.ref)
            : undefined
        }
        onClose={() => dismissLoadError(lab)}
      />
    );
  }
  if (isBare && load.status === "idle") {
    return (
      <Notice kind="plain">
        No model comes with this copy of the lab. Open one of your own from the menu at the top right, or drop
        its folder on this page.
      </Notice>
    );
  }
  return null;
}

function LinkMessage() {
  const lab = useLab();
  const ignored = useLabState((state) => state.ignored);
  const missing = useLabState(missingModel);
  const model = useLabState((state) => state.model);
  return (
    <>
      {missing !== null && model !== null && (
        <Notice kind="plain">
          This link was made with the model <strong>{missing}</strong>, which is not part of this lab. Open
          its folder to see the same; until then {nameOf(model.ref)} stands in.
        </Notice>
      )}
      {ignored.length > 0 && (
        <Notice kind="warning" onClose={() => dismissIgnored(lab)}>
          <strong>Parts of this link were not understood</strong> and are left at their usual values:
          <ul className="ignored">
            {ignored.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}
