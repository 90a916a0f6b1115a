import { useId, useState } from "react";
import { Button, Slider, SliderThumb, SliderTrack, Tooltip, TooltipTrigger } from "react-aria-components";
import { Dices, Info } from "lucide-react";
import { expected, parseField, type NumberField } from "../link/schema.ts";

/** A small sign beside a label that says in one sentence what the setting does. */
export function Explain({ label, children }: { readonly label: string; readonly children: string }) {
  const [isOpen, setIsOpen] = useState(false);
  // A press opens it as well: a finger cannot hover.
  return (
    <TooltipTrigger delay={200} closeDelay={80} isOpen={isOpen} onOpenChange={setIsOpen}>
      <Button className="explain" aria-label={`About ${label}: ${children}`} onPress={() => setIsOpen(true)}>
        <Info size={14} aria-hidden />
      </Button>
      <Tooltip className="tip" placement="top" offset={6}>
        {children}
      </Tooltip>
    </TooltipTrigger>
  );
}

/** The largest range a slider can still be set exactly on. */
const widestSlider = 1000;

interface SettingProps {
  readonly field: NumberField;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** A number of a schema: its label, its exact value as text, and a slider where one makes sense. */
export function Setting({ field, value, onChange }: SettingProps) {
  const id = useId();
  const hasSlider = (field.max - field.min) / field.step <= widestSlider;
  return (
    <div className="setting">
      <div className="setting-head">
        <label htmlFor={id}>{field.label}</label>
        <Explain label={field.label}>{field.doc}</Explain>
        {field.names?.[value] !== undefined && <span className="setting-name">{field.names[value]}</span>}
        {!hasSlider && (
          <Button
            className="icon-button small"
            aria-label={`Draw another ${field.label.toLowerCase()}`}
            onPress={() => onChange(draw(field))}
          >
            <Dices size={16} aria-hidden />
          </Button>
        )}
        <ExactValue id={id} field={field} value={value} onChange={onChange} />
      </div>
      {hasSlider && (
        <Slider
          className="slider"
          aria-label={`${field.label}, by slider`}
          minValue={field.min}
          maxValue={field.max}
          step={field.step}
          value={value}
          onChange={(next) => onChange(Number((next as number).toFixed(6)))}
        >
          <SliderTrack className="slider-track">
            {({ state }) => (
              <>
                <div className="slider-fill" style={{ width: `${100 * state.getThumbPercent(0)}%` }} />
                <SliderThumb className="slider-thumb" />
              </>
            )}
          </SliderTrack>
        </Slider>
      )}
    </div>
  );
}

const draw = (field: NumberField): number =>
  field.min + Math.floor(Math.random() * Math.min(field.max - field.min + 1, 10_000));

/** The value as text: what is not legal is said and not taken over. */
function ExactValue({ id, field, value, onChange }: SettingProps & { readonly id: string }) {
  const [draft, setDraft] = useState<string | null>(null);
  const parsed = draft === null ? value : parseField(field, draft.trim());
  const isWrong = parsed === null;
  const commit = (): void => {
    if (typeof parsed !== "number") return;
    setDraft(null);
    if (parsed !== value) onChange(parsed);
  };
  return (
    <>
      <input
        id={id}
        className="setting-value num"
        inputMode="decimal"
        autoComplete="off"
        value={draft ?? String(value)}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-wrong` : undefined}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === "Enter") commit();
          if (event.key === "Escape") setDraft(null);
        }}
      />
      {isWrong && (
        <span id={`${id}-wrong`} className="setting-wrong" role="alert">
          Expected {expected(field)}.
        </span>
      )}
    </>
  );
}
