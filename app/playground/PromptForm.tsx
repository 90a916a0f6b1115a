import { use, useId, useRef, Suspense } from "react";
import { Button } from "react-aria-components";
import { Play, Square } from "lucide-react";
import { playgroundSchema } from "../link/pages.ts";
import { generate, stopGenerating } from "../store/generate.ts";
import { change } from "../store/settings.ts";
import { Explain } from "../form/Setting.tsx";
import { useLab, useLabState } from "../shell/lab_context.tsx";

/** The text the model reads, things to try, and the button that sets it going. */
export function PromptForm() {
  const lab = useLab();
  const id = useId();
  const prompt = useLabState((state) => state.playground.prompt);
  const isRunning = useLabState((state) => state.generation.status === "running");
  const isReady = useLabState((state) => state.model !== null);
  const field = playgroundSchema.prompt;
  return (
    <form
      className="prompt-form"
      onSubmit={(event) => {
        event.preventDefault();
        void generate(lab);
      }}
    >
      <div className="label-row">
        <label className="label" htmlFor={id}>
          {field.label}
        </label>
        <Explain label={field.label}>{field.doc}</Explain>
      </div>
      <textarea
        id={id}
        className="prompt"
        rows={5}
        spellCheck={false}
        maxLength={field.maxLength}
        value={prompt}
        onChange={(event) => change(lab, "playground", { prompt: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void generate(lab);
        }}
      />
      <Suspense fallback={<div className="chips" />}>
        <Suggestions />
      </Suspense>
      <div className="row">
        <Button type="submit" className="button primary" isDisabled={!isReady || isRunning}>
          <Play size={16} aria-hidden /> Generate
        </Button>
        <Button className="button" isDisabled={!isRunning} onPress={() => stopGenerating(lab)}>
          <Square size={14} aria-hidden /> Stop <kbd>Esc</kbd>
        </Button>
      </div>
    </form>
  );
}

// The toy world is a part of its own, fetched while the model loads.
const examples = import("./examples.ts");

function Suggestions() {
  const lab = useLab();
  const { suggestionsFor } = use(examples);
  const ref = useLabState((state) => state.model?.ref ?? "bundled:world-m");
  const isReady = useLabState((state) => state.model !== null);
  const pressed = useRef(new Map<string, number>());
  return (
    <ul className="chips" aria-label="Things to try">
      {suggestionsFor(ref).map(({ label, prompt }) => (
        <li key={label}>
          <Button
            className="chip"
            isDisabled={!isReady}
            onPress={() => {
              const n = pressed.current.get(label) ?? 0;
              pressed.current.set(label, n + 1);
              change(lab, "playground", { prompt: prompt(n) });
              void generate(lab);
            }}
          >
            {label}
          </Button>
        </li>
      ))}
    </ul>
  );
}
