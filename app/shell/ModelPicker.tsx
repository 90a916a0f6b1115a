import {
  Button,
  Dialog,
  DialogTrigger,
  FileTrigger,
  Popover,
  Radio,
  RadioGroup,
} from "react-aria-components";
import { ChevronDown, File as FileIcon, FolderOpen } from "lucide-react";
import type { ModelInfo, ModelRef } from "../../lab/protocol.ts";
import { showFigure } from "../address.ts";
import { count, megabytes } from "../charts/format.ts";
import { chooseModel, openFiles, stopLoading } from "../store/models.ts";
import type { Lab } from "../store/lab.ts";
import type { LoadState } from "../store/state.ts";
import { useLab, useLabState } from "./lab_context.tsx";

export const nameOf = (ref: string): string => ref.slice(ref.indexOf(":") + 1);

/** Loads chosen files and, when the model is there, draws the page's figure with it. */
export async function openAndShow(lab: Lab, files: readonly File[]): Promise<void> {
  if (files.length > 0 && (await openFiles(lab, files))) await showFigure(lab, true);
}

export function ModelPicker() {
  const load = useLabState((state) => state.load);
  const model = useLabState((state) => state.model);
  const isLoading = load.status === "running";
  const share = isLoading && load.totalBytes > 0 ? load.bytes / load.totalBytes : 0;
  return (
    <DialogTrigger>
      <Button
        className="button model-button"
        aria-label={`Model: ${isLoading ? `loading ${nameOf(load.ref)}` : model === null ? "none" : nameOf(model.ref)}. Choose another.`}
      >
        <span className="model-name">
          {isLoading ? nameOf(load.ref) : model === null ? "No model" : nameOf(model.ref)}
        </span>
        <span className="quiet num model-size">
          {isLoading ? `${Math.floor(100 * share)} %` : model === null ? "" : count(model.nParams)}
        </span>
        <ChevronDown size={16} aria-hidden />
        {isLoading && <span className="model-progress" style={{ transform: `scaleX(${share})` }} />}
      </Button>
      <Popover className="popover" placement="bottom end" offset={6}>
        <Dialog className="dialog model-dialog" aria-label="Choose a model">
          {({ close }) => (
            <>
              <BundledModels onChosen={close} />
              <OwnModel onChosen={close} />
              {isLoading ? <LoadProgress load={load} /> : model !== null && <ModelFacts model={model} />}
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function BundledModels({ onChosen }: { readonly onChosen: () => void }) {
  const lab = useLab();
  const engine = useLabState((state) => state.engine);
  const model = useLabState((state) => state.model);
  const bundled = engine.status === "open" ? engine.bundled : [];
  if (bundled.length === 0)
    return <p className="quiet">No model comes with this copy of the lab. Open one of your own below.</p>;
  const choose = async (ref: ModelRef): Promise<void> => {
    onChosen();
    if (await chooseModel(lab, ref)) await showFigure(lab, true);
  };
  return (
    <RadioGroup
      className="models"
      aria-label="Models that come with the lab"
      value={model?.ref ?? null}
      onChange={(ref) => void choose(ref as ModelRef)}
    >
      <h2>Trained in this lab</h2>
      {bundled.map((entry) => (
        <Radio key={entry.ref} value={entry.ref} className="model-row">
          <span className="model-row-name">{entry.name}</span>
          <span className="quiet num">
            {count(entry.nParams)} parameters · {megabytes(entry.bytes)}
          </span>
          <span className="model-row-about">{entry.summary}</span>
        </Radio>
      ))}
    </RadioGroup>
  );
}

function OwnModel({ onChosen }: { readonly onChosen: () => void }) {
  const lab = useLab();
  const open = (files: FileList | null): void => {
    onChosen();
    void openAndShow(lab, [...(files ?? [])]);
  };
  return (
    <div className="own-model">
      <h2>Your own</h2>
      <p className="quiet">
        A small Llama-type model in Hugging Face layout: config.json, tokenizer.json and model.safetensors.
        You can also drop them anywhere on the page. They are read on this machine and sent nowhere.
      </p>
      <div className="row">
        <FileTrigger acceptDirectory onSelect={open}>
          <Button className="button">
            <FolderOpen size={16} aria-hidden /> Open a folder…
          </Button>
        </FileTrigger>
        <FileTrigger allowsMultiple acceptedFileTypes={[".json", ".safetensors"]} onSelect={open}>
          <Button className="button">
            <FileIcon size={16} aria-hidden /> Open files…
          </Button>
        </FileTrigger>
      </div>
    </div>
  );
}

/** A model on its way: how much of it is here, and Stop. */
export function LoadProgress({
  load,
}: {
  readonly load: Extract<LoadState, { readonly status: "running" }>;
}) {
  const lab = useLab();
  return (
    <div className="load-progress">
      <span className="num quiet">
        Loading {nameOf(load.ref)}: {megabytes(load.bytes)} of {megabytes(load.totalBytes)}
      </span>
      <progress aria-label="Loading the model" max={Math.max(1, load.totalBytes)} value={load.bytes} />
      <Button className="button" onPress={() => stopLoading(lab)}>
        Stop
      </Button>
    </div>
  );
}

function ModelFacts({ model }: { readonly model: ModelInfo }) {
  const facts: readonly (readonly [string, string])[] = [
    ["Layers", String(model.nLayer)],
    [
      "Heads",
      model.nKvHead === model.nHead ? String(model.nHead) : `${model.nHead} (${model.nKvHead} for keys)`,
    ],
    ["Width", String(model.dModel)],
    ["Vocabulary", `${model.dVocab} tokens`],
    ["Reads at most", `${model.nCtx} tokens`],
    ["In memory", megabytes(model.weightBytes)],
  ];
  return (
    <dl className="facts num">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {model.sha256 !== undefined && (
        <div>
          <dt>SHA-256</dt>
          <dd className="digest" title={model.sha256}>
            {model.sha256.slice(0, 16)}…
          </dd>
        </div>
      )}
    </dl>
  );
}
