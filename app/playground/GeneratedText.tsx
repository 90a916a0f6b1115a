import { useState } from "react";
import { Button } from "react-aria-components";
import { Eye } from "lucide-react";
import { saveText } from "../charts/save.ts";
import { mostSurprising } from "../charts/surprise.ts";
import { attendTo } from "../store/attend.ts";
import { generate, isStale } from "../store/generate.ts";
import { tokenAt, countTokens, textOf } from "../store/tokens.ts";
import type { Generation } from "../store/state.ts";
import { Figure } from "../shell/Figure.tsx";
import { useLab, useLabState, useShade } from "../shell/lab_context.tsx";
import { ErrorNotice } from "../shell/Notice.tsx";
import { LoadProgress } from "../shell/ModelPicker.tsx";
import { SurpriseLegend } from "./Legend.tsx";
import { recordOf, tokenRows } from "./record.ts";
import { TextBlock } from "./TextBlock.tsx";
import { TokenDetail } from "./TokenDetail.tsx";

/** A token of the figure: −1 is the prompt, from 0 on the continuations. */
interface Place {
  readonly block: number;
  readonly index: number;
}

const chunksOf = (generation: Generation, block: number) =>
  block < 0 ? generation.prompt : (generation.continuations[block] ?? []);

/** The chosen token, or the newest one of the first continuation while nobody has chosen. */
export function placeOf(generation: Generation, chosen: Place | null): Place | null {
  if (chosen !== null && tokenAt(chunksOf(generation, chosen.block), chosen.index) !== undefined)
    return chosen;
  const newest = countTokens(generation.continuations[0] ?? []) - 1;
  if (newest < 0) return null;
  if (generation.status === "running") return { block: 0, index: newest };
  return { block: 0, index: mostSurprising((generation.continuations[0] ?? []).flat()) };
}

export function GeneratedText() {
  const lab = useLab();
  const shade = useShade();
  const generation = useLabState((state) => state.generation);
  const isOld = useLabState(isStale);
  const [chosen, setChosen] = useState<{ readonly run: Generation["request"]; readonly place: Place } | null>(
    null,
  );
  const place = placeOf(generation, chosen?.run === generation.request ? chosen.place : null);
  const token = place === null ? undefined : tokenAt(chunksOf(generation, place.block), place.index);
  const choose = (block: number) => (index: number) =>
    setChosen({ run: generation.request, place: { block, index } });
  const hasText = generation.prompt.length > 0;
  const whole = (continuation: number): string =>
    (generation.request?.prompt ?? "") + textOf(generation.continuations[continuation] ?? []);
  return (
    <>
      <Figure
        title="What the model writes, and how sure it was"
        name="benchtop-text"
        rows={() => tokenRows(generation)}
        isReady={hasText}
        save={[
          {
            label: "Everything (JSON)",
            run: () =>
              saveText(
                "benchtop-text.json",
                recordOf(lab.store.getState(), import.meta.env["VITE_APP_VERSION"] as string),
                "application/json",
              ),
          },
        ]}
        tools={<SurpriseLegend shade={shade} />}
      >
        {generation.error !== null && (
          <ErrorNotice error={generation.error} onRetry={() => void generate(lab)} />
        )}
        {hasText ? (
          <TextBlock
            kind="prompt"
            chunks={generation.prompt}
            generation={generation}
            shade={shade}
            active={place?.block === -1 ? place.index : -1}
            onActive={choose(-1)}
          />
        ) : (
          generation.error === null && <Waiting />
        )}
        {hasText && (
          <div className="continuations" data-n={generation.continuations.length}>
            {generation.continuations.map((chunks, i) => (
              <TextBlock
                key={i}
                kind={i}
                chunks={chunks}
                generation={generation}
                shade={shade}
                active={place?.block === i ? place.index : -1}
                onActive={choose(i)}
              />
            ))}
          </div>
        )}
        <output className="figure-foot">
          {isOld && generation.status !== "running"
            ? "The settings have changed since this was written. Generate writes it again."
            : ""}
        </output>
      </Figure>
      <div className="side">
        <TokenDetail
          token={token}
          where={place === null ? "" : whereIs(place, generation.continuations.length)}
        />
        <Button
          className="button wide"
          isDisabled={!hasText || generation.status === "running"}
          onPress={() => void attendTo(lab, whole(Math.max(0, place?.block ?? 0)))}
        >
          <Eye size={16} aria-hidden /> Look at its attention
        </Button>
      </div>
    </>
  );
}

const whereIs = ({ block, index }: Place, n: number): string =>
  `${block < 0 ? "Prompt" : n > 1 ? `Continuation ${block + 1}` : "Written"}, place ${index + 1}`;

/** Keeps the figure's place while the model loads and reads. */
function Waiting() {
  const engine = useLabState((state) => state.engine.status);
  const load = useLabState((state) => state.load);
  const isRunning = useLabState((state) => state.generation.status === "running");
  if (load.status === "running") {
    return (
      <div className="waiting">
        <LoadProgress load={load} />
      </div>
    );
  }
  const words = isRunning
    ? "The model is reading the prompt…"
    : engine === "open"
      ? "Press Generate."
      : engine === "blocked" || engine === "error"
        ? ""
        : "Getting ready…";
  return <p className="waiting quiet">{words}</p>;
}
