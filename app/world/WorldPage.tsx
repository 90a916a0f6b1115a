import { useMemo, useState } from "react";
import { Button } from "react-aria-components";
import { ArrowRight, ChevronLeft, ChevronRight } from "lucide-react";
import { exampleAt } from "../../lab/world/examples.ts";
import { taskOf, tasks } from "../../lab/world/registry.ts";
import { splits, type Example, type Task } from "../../lab/world/types.ts";
import { saveText } from "../charts/save.ts";
import { Choice } from "../form/Choice.tsx";
import { Segments } from "../form/Segments.tsx";
import { Setting } from "../form/Setting.tsx";
import { worldSchema } from "../link/pages.ts";
import { useLab, useLabState } from "../shell/lab_context.tsx";
import { generate } from "../store/generate.ts";
import { change, showPage } from "../store/settings.ts";
import { textOf } from "../store/tokens.ts";

/** The toy world's data, example by example, with the judge that marks the models. */
export function WorldPage() {
  const lab = useLab();
  const { task: id, split, seed, index } = useLabState((state) => state.world);
  const task = taskOf(id);
  const example = useMemo(() => exampleAt(task, split, seed, index), [task, split, seed, index]);
  return (
    <div className="bench-page world">
      <header className="world-head">
        <h1>The toy world</h1>
        <p className="lead">
          A closed little world of people, places, things and prices, small enough for a small model to
          master. Every example is drawn from a number, so anybody can look up the same one, and a program
          marks every answer.
        </p>
      </header>
      <div className="world-controls">
        <Choice
          label={worldSchema.task.label}
          value={id}
          options={tasks.map((entry) => ({ id: entry.id, label: entry.title }))}
          onChange={(next) => change(lab, "world", { task: next, index: 0 })}
        />
        <div className="stack">
          <span className="label">{worldSchema.split.label}</span>
          <Segments
            label={worldSchema.split.label}
            value={split}
            options={splits.map((entry) => ({ id: entry, label: entry }))}
            onChange={(next) => change(lab, "world", { split: next })}
          />
        </div>
        <div className="row pager">
          <Setting
            field={worldSchema.index}
            value={index}
            onChange={(next) => change(lab, "world", { index: next })}
          />
          <Button
            className="icon-button"
            aria-label="Example before"
            isDisabled={index === 0}
            onPress={() => change(lab, "world", { index: index - 1 })}
          >
            <ChevronLeft size={18} aria-hidden />
          </Button>
          <Button
            className="icon-button"
            aria-label="Next example"
            isDisabled={index === worldSchema.index.max}
            onPress={() => change(lab, "world", { index: index + 1 })}
          >
            <ChevronRight size={18} aria-hidden />
          </Button>
        </div>
        <Setting
          field={worldSchema.seed}
          value={seed}
          onChange={(next) => change(lab, "world", { seed: next })}
        />
      </div>
      <p className="figure-about">{task.about}</p>
      <ExampleView key={`${id}|${split}|${seed}|${index}`} task={task} example={example} />
    </div>
  );
}

function ExampleView({ task, example }: { readonly task: Task; readonly example: Example }) {
  const lab = useLab();
  const { identity, ...facts } = example.meta;
  const tryIt = (): void => {
    change(lab, "playground", { prompt: example.prompt });
    showPage(lab, "playground");
    if (lab.store.getState().model !== null) void generate(lab);
  };
  return (
    <div className="example">
      <section className="figure" aria-label="Prompt">
        <header className="figure-head">
          <h2>What the model reads</h2>
          <Button className="button" onPress={tryIt}>
            Try it in the playground <ArrowRight size={15} aria-hidden />
          </Button>
        </header>
        <p className="page-text">{example.prompt}</p>
        <h2>What it should write</h2>
        <p className="page-text answer">{example.completion.trimStart()}</p>
      </section>
      <div className="side">
        <Judge task={task} example={example} />
        <section aria-label="What is known of this example">
          <h2>What is known of it</h2>
          <dl className="facts">
            {Object.entries({ identity, ...facts }).map(([key, value]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd className="num">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
          <Button
            className="button plain"
            onPress={() =>
              saveText("benchtop-example.json", `${JSON.stringify(example, null, 1)}\n`, "application/json")
            }
          >
            Save as JSON
          </Button>
        </section>
      </div>
    </div>
  );
}

/** Marks an answer the visitor types, or the one the model has just written to this prompt. */
function Judge({ task, example }: { readonly task: Task; readonly example: Example }) {
  const written = useLabState(({ generation }) =>
    generation.request?.prompt === example.prompt && generation.status === "done"
      ? textOf(generation.continuations[0] ?? [])
      : null,
  );
  const [answer, setAnswer] = useState<string | null>(null);
  const judged = answer ?? written;
  const verdict = judged === null || judged.trim() === "" ? null : task.verify(example, judged);
  return (
    <section className="judge" aria-label="The judge">
      <label className="label" htmlFor="answer">
        {answer === null && written !== null ? "What the model wrote" : "Your answer"}
      </label>
      <textarea
        id="answer"
        className="prompt"
        rows={3}
        spellCheck={false}
        maxLength={4000}
        value={judged ?? ""}
        placeholder="Type an answer and see how it is marked"
        onChange={(event) => setAnswer(event.target.value)}
      />
      <output className={verdict === null ? "verdict quiet" : verdict.ok ? "verdict good" : "verdict bad"}>
        {verdict === null
          ? "The judge is a program; it reads the answer as a model’s output would be read."
          : `${verdict.ok ? "Right." : "Wrong."} ${verdict.why}`}
      </output>
      <Button className="button plain" onPress={() => setAnswer(example.completion)}>
        Fill in the right answer
      </Button>
    </section>
  );
}
