import { useEffect } from "react";
import { stopGenerating } from "../store/generate.ts";
import { useLab, useLabState } from "../shell/lab_context.tsx";
import { GeneratedText } from "./GeneratedText.tsx";
import { PromptForm } from "./PromptForm.tsx";
import { SamplingForm } from "./SamplingForm.tsx";

/** A model writes on from a text, and every token says how sure it was. */
export function PlaygroundPage() {
  const lab = useLab();
  const isRunning = useLabState((state) => state.generation.status === "running");
  useEffect(() => {
    if (!isRunning) return undefined;
    const stop = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !event.defaultPrevented) stopGenerating(lab);
    };
    window.addEventListener("keydown", stop);
    return () => window.removeEventListener("keydown", stop);
  }, [lab, isRunning]);
  return (
    <div className="bench-page playground">
      <h1 className="hidden">Playground</h1>
      <div className="controls">
        <PromptForm />
        <SamplingForm />
      </div>
      <GeneratedText />
    </div>
  );
}
