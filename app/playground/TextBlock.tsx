import { useMemo, useState } from "react";
import { Button } from "react-aria-components";
import { ArrowRight, Check, Copy } from "lucide-react";
import type { Shade } from "../charts/colour.ts";
import { decimal } from "../charts/format.ts";
import { Explain } from "../form/Setting.tsx";
import { isWorldModel } from "../store/models.ts";
import { continueFrom } from "../store/generate.ts";
import { countTokens, score, textOf } from "../store/tokens.ts";
import type { Chunks, Generation, Stopped } from "../store/state.ts";
import { useLab } from "../shell/lab_context.tsx";
import { nameOf } from "../shell/ModelPicker.tsx";
import { SurpriseStrip } from "./SurpriseStrip.tsx";
import { TokenText } from "./TokenText.tsx";

interface TextBlockProps {
  /** The prompt, or the number of a continuation. */
  readonly kind: "prompt" | number;
  readonly chunks: Chunks;
  readonly generation: Generation;
  readonly shade: Shade;
  readonly active: number;
  readonly onActive: (index: number) => void;
}

const endings: Readonly<Record<Stopped, string>> = {
  eos: "The model ended here by itself.",
  length: "Stopped at the length you allow.",
  context: "Stopped: the model cannot read more than this.",
  cancelled: "Stopped by you.",
};

const units =
  "Nats measure surprise: 0 is certain, 0.7 a coin toss, 2.3 one in ten. The perplexity says the same as a choice: 3 is as unsure as among three equally likely tokens.";
const ofPrompts =
  "The models of the toy world learned to answer prompts, not to write them, so your own words surprise them.";

/** The prompt or one continuation: tokens, their surprise along the text, and what it sums up to. */
export function TextBlock({ kind, chunks, generation, shade, active, onActive }: TextBlockProps) {
  const tokens = useMemo(() => chunks.flat(), [chunks]);
  const isRunning = generation.status === "running";
  const name = nameOf(generation.request?.ref ?? "");
  const n = generation.continuations.length;
  const title =
    kind === "prompt" ? "You wrote" : n > 1 ? `${name}, continuation ${kind + 1}` : `${name} went on`;
  const sum = score(tokens);
  return (
    <div className={`text-block ${kind === "prompt" ? "of-prompt" : "of-model"}`}>
      <div className="text-head">
        <h3>{title}</h3>
        <p className="quiet num">
          {countTokens(chunks)} tokens
          {sum !== null &&
            ` · ${decimal(sum.meanNll)} nats per token · perplexity ${decimal(sum.perplexity, sum.perplexity < 100 ? 1 : 0)}`}
        </p>
        <Explain label={title}>
          {kind === "prompt" && isWorldModel(generation.request?.ref ?? "") ? `${units} ${ofPrompts}` : units}
        </Explain>
      </div>
      <TokenText
        chunks={chunks}
        label={`${title}: tokens`}
        shade={shade}
        isBusy={isRunning}
        active={active}
        onActive={onActive}
      />
      {kind !== "prompt" && (
        <>
          {tokens.length > 0 && (
            <SurpriseStrip
              tokens={tokens}
              shade={shade}
              active={active}
              label={`Surprise along the text of ${title}`}
              onActive={onActive}
            />
          )}
          <div className="text-foot">
            <span className="quiet">
              {isRunning ? "Writing…" : generation.stopped === null ? "" : endings[generation.stopped]}
            </span>
            <BlockActions continuation={kind} text={textOf(chunks)} isDisabled={isRunning} />
          </div>
        </>
      )}
    </div>
  );
}

function BlockActions({
  continuation,
  text,
  isDisabled,
}: {
  readonly continuation: number;
  readonly text: string;
  readonly isDisabled: boolean;
}) {
  const lab = useLab();
  const [isCopied, setIsCopied] = useState(false);
  const copy = async (): Promise<void> => {
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    if (done !== true) return;
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2000);
  };
  return (
    <span className="row">
      <Button className="button plain" onPress={() => void copy()}>
        {isCopied ? <Check size={15} aria-hidden /> : <Copy size={15} aria-hidden />}{" "}
        {isCopied ? "Copied" : "Copy"}
      </Button>
      <Button
        className="button plain"
        isDisabled={isDisabled || text === ""}
        onPress={() => void continueFrom(lab, continuation)}
      >
        Continue <ArrowRight size={15} aria-hidden />
      </Button>
    </span>
  );
}
