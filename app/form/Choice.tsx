import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { ChevronDown } from "lucide-react";

interface ChoiceProps<O extends string> {
  readonly label: string;
  readonly value: O;
  readonly options: readonly { readonly id: O; readonly label: string }[];
  readonly onChange: (value: O) => void;
}

/** One of a few, from a list that opens. */
export function Choice<O extends string>({ label, value, options, onChange }: ChoiceProps<O>) {
  return (
    <Select
      className="choice"
      value={value}
      onChange={(key) => {
        const option = options.find(({ id }) => id === key);
        if (option !== undefined) onChange(option.id);
      }}
    >
      <Label className="label">{label}</Label>
      <Button className="button choice-button">
        <SelectValue />
        <ChevronDown size={16} aria-hidden />
      </Button>
      <Popover className="popover" offset={4}>
        <ListBox className="menu" items={options}>
          {(option) => (
            <ListBoxItem className="menu-item" id={option.id} textValue={option.label}>
              {option.label}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}
