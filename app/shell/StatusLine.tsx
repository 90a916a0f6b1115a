import { Button, Dialog, DialogTrigger, Popover } from "react-aria-components";
import type { AdapterInfo, MemoryUse } from "../../lab/protocol.ts";
import { decimal, megabytes } from "../charts/format.ts";
import type { EngineState, LoadState } from "../store/state.ts";
import { useLabState } from "./lab_context.tsx";
import { nameOf } from "./ModelPicker.tsx";

/** The adapter as a person would call it. */
export function adapterName({ vendor, architecture, description }: AdapterInfo): string {
  if (/swiftshader/i.test(`${architecture} ${description}`)) return "SwiftShader";
  if (description !== "") return description;
  return [vendor, architecture].filter((word) => word !== "").join(" ") || "graphics chip";
}

/** What the engine is busy with, in a few words; null when it is at rest. */
export function activity(engine: EngineState, load: LoadState): string | null {
  if (engine.status === "checking") return "Looking at this browser…";
  if (engine.status === "opening") return "Opening the graphics chip…";
  if (load.status === "running")
    return `Loading ${nameOf(load.ref)}: ${megabytes(load.bytes)} of ${megabytes(load.totalBytes)}`;
  return null;
}

export function StatusLine() {
  const engine = useLabState((state) => state.engine);
  const load = useLabState((state) => state.load);
  const memory = useLabState((state) => state.memory);
  const timing = useLabState((state) => state.generation.timing);
  const busy = activity(engine, load);
  return (
    <footer className="status num" aria-label="Status">
      <span className="status-item adapter">
        {engine.status === "open" ? <Adapter adapter={engine.adapter} /> : "Not computing yet"}
      </span>
      <output className="status-item">{busy}</output>
      <span className="status-gap" />
      <span className="status-item">
        {timing === null
          ? "– tokens/s"
          : `${decimal(timing.tokensPerSecond, timing.tokensPerSecond < 10 ? 1 : 0)} tokens/s`}
      </span>
      {memory === null ? <span className="status-item">– MB</span> : <Memory memory={memory} />}
    </footer>
  );
}

function Adapter({ adapter }: { readonly adapter: AdapterInfo }) {
  return (
    <DialogTrigger>
      <Button className="status-button">
        {adapterName(adapter)}
        {adapter.isSoftware && (
          <span className="status-flag">
            software<span className="long">: exact, but slow</span>
          </span>
        )}
      </Button>
      <Popover className="popover" placement="top start" offset={6}>
        <Dialog className="dialog" aria-label="What the lab computes with">
          <h2>What the lab computes with</h2>
          <dl className="facts">
            <Fact name="Adapter" value={adapterName(adapter)} />
            <Fact name="Vendor" value={adapter.vendor || "not told"} />
            <Fact name="Kind" value={adapter.isSoftware ? "software on the processor" : "graphics chip"} />
            <Fact name="Half precision (f16)" value={adapter.f16 ? "yes" : "no"} />
            <Fact name="Subgroups" value={adapter.subgroups ? "yes" : "no"} />
          </dl>
          {adapter.isSoftware && (
            <p className="quiet">
              This browser plays the graphics chip on the processor. Every number is right, only slower. If
              the machine has a graphics chip, turn on graphics acceleration in the browser’s settings.
            </p>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

const kinds = {
  weights: "Weights",
  cache: "Keys and values",
  optimizer: "Optimiser",
  activations: "Activations",
  staging: "On the way",
  other: "Other",
} as const;

function Memory({ memory }: { readonly memory: MemoryUse }) {
  return (
    <DialogTrigger>
      <Button
        className="status-button"
        aria-label={`Memory in use: ${megabytes(memory.bytes)}. Show its parts.`}
      >
        {megabytes(memory.bytes)}
      </Button>
      <Popover className="popover" placement="top end" offset={6}>
        <Dialog className="dialog" aria-label="Memory on the graphics chip">
          <h2>Memory on the graphics chip</h2>
          <dl className="facts">
            {Object.entries(kinds).map(([kind, name]) => (
              <Fact key={kind} name={name} value={megabytes(memory.byKind[kind as keyof typeof kinds])} />
            ))}
            <Fact name="At most so far" value={megabytes(memory.peakBytes)} />
          </dl>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
