import { ToggleButton, ToggleButtonGroup } from "react-aria-components";

interface SegmentsProps<O extends string | number> {
  readonly label: string;
  readonly value: O;
  readonly options: readonly { readonly id: O; readonly label: string }[];
  readonly onChange: (value: O) => void;
}

/** One of a few, all in sight. */
export function Segments<O extends string | number>({ label, value, options, onChange }: SegmentsProps<O>) {
  return (
    <ToggleButtonGroup
      className="segments"
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const option = options.find(({ id }) => keys.has(id));
        if (option !== undefined) onChange(option.id);
      }}
    >
      {options.map((option) => (
        <ToggleButton key={option.id} id={option.id} className="segment">
          {option.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
