import { useId } from "react";
import { Button } from "react-aria-components";
import { ScanText, Square } from "lucide-react";
import { Explain } from "../form/Setting.tsx";
import { attentionSchema } from "../link/pages.ts";
import { useLab, useLabState } from "../shell/lab_context.tsx";
import { LoadProgress } from "../shell/ModelPicker.tsx";
import { ErrorNotice, Notice } from "../shell/Notice.tsx";
import { attend, isReadingStale, stopAttending, viewOf } from "../store/attend.ts";
import { change } from "../store/settings.ts";
import type { AttentionSummary } from "../../lab/protocol.ts";
import { FunnelFigure } from "./FunnelFigure.tsx";
import { HeadsFigure } from "./HeadsFigure.tsx";
import { LensFigure } from "./LensFigure.tsx";
import { MapFigure } from "./MapFigure.tsx";
import { SinkFigure } from "./SinkFigure.tsx";

/** Where every token looks, in every head of every layer. */
export function AttentionPage() {
  const lab = useLab();
  const reading = useLabState((state) => state.reading);
  return (
    <div className="bench-page attention">
      <h1 className="hidden">Attention</h1>
      <TextForm />
      {reading.error !== null && <ErrorNotice error={reading.error} onRetry={() => void attend(lab)} />}
      {reading.summary === null ? <Waiting /> : <Figures summary={reading.summary} />}
    </div>
  );
}

function Figures({ summary }: { readonly summary: AttentionSummary }) {
  const wanted = useLabState((state) => state.attention);
  const patterns = useLabState((state) => state.reading.patterns);
  const { layer, head, refused } = viewOf(summary, wanted);
  const pattern = patterns.find((entry) => entry.layer === layer) ?? null;
  return (
    <>
      {refused.length > 0 && (
        <Notice kind="warning">The link asks for {refused.join(" and ")}; the first is shown instead.</Notice>
      )}
      <div className="maps">
        <HeadsFigure summary={summary} pattern={pattern} layer={layer} head={head} />
        <div className="map-place">
          <MapFigure summary={summary} pattern={pattern} layer={layer} head={head} />
        </div>
        <FunnelFigure summary={summary} layer={layer} head={head} />
        <SinkFigure summary={summary} layer={layer} head={head} />
      </div>
      <LensFigure summary={summary} />
    </>
  );
}

function TextForm() {
  const lab = useLab();
  const id = useId();
  const text = useLabState((state) => state.attention.text);
  const isRunning = useLabState((state) => state.reading.status === "running");
  const isReady = useLabState((state) => state.model !== null);
  const isOld = useLabState(isReadingStale);
  const field = attentionSchema.text;
  return (
    <form
      className="text-form"
      onSubmit={(event) => {
        event.preventDefault();
        void attend(lab);
      }}
    >
      <div className="label-row">
        <label className="label" htmlFor={id}>
          {field.label}
        </label>
        <Explain label={field.label}>{field.doc}</Explain>
        <output className="quiet">
          {isRunning
            ? "Reading…"
            : isOld
              ? "The figures below are of another text. Read it to bring them up to date."
              : ""}
        </output>
      </div>
      <div className="text-form-row">
        <textarea
          id={id}
          className="prompt"
          rows={2}
          spellCheck={false}
          maxLength={field.maxLength}
          value={text}
          onChange={(event) => change(lab, "attention", { text: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void attend(lab);
          }}
        />
        {isRunning ? (
          <Button className="button" onPress={() => stopAttending(lab)}>
            <Square size={14} aria-hidden /> Stop
          </Button>
        ) : (
          <Button type="submit" className="button primary" isDisabled={!isReady}>
            <ScanText size={16} aria-hidden /> Read it
          </Button>
        )}
      </div>
    </form>
  );
}

/** Keeps the figures' place while there is nothing to draw. */
function Waiting() {
  const status = useLabState((state) => state.reading.status);
  const load = useLabState((state) => state.load);
  if (status === "error") return null;
  if (load.status === "running") {
    return (
      <div className="waiting tall">
        <LoadProgress load={load} />
      </div>
    );
  }
  return (
    <p className="waiting tall quiet">
      {status === "running" ? "The model is reading…" : "Write a text and let the model read it."}
    </p>
  );
}
