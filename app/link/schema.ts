/** One declaration per setting; its form, its place in the link and its validation all come from here. */
interface Described {
  readonly label: string;
  /** One plain sentence for the tooltip beside the control. */
  readonly doc: string;
}

export interface NumberField extends Described {
  readonly kind: "number" | "integer";
  readonly min: number;
  readonly max: number;
  /** The step of the control; a link may hold values between two steps. */
  readonly step: number;
  readonly default: number;
  /** What the value means where it switches something off, such as "off" for top-k 0. */
  readonly names?: Readonly<Record<number, string>>;
}

export interface TextField extends Described {
  readonly kind: "text";
  readonly maxLength: number;
  readonly default: string;
  readonly pattern?: RegExp;
}

export interface ChoiceField<O extends string = string> extends Described {
  readonly kind: "choice";
  readonly options: readonly O[];
  readonly default: NoInfer<O>;
}

export type Field = NumberField | TextField | ChoiceField;
export type Schema = Readonly<Record<string, Field>>;

export type ValueOf<F> = F extends { readonly kind: "choice"; readonly options: readonly (infer O)[] }
  ? O
  : F extends { readonly kind: "text" }
    ? string
    : number;
export type Values<S> = { readonly [K in keyof S]: ValueOf<S[K]> };

/** Names a choice field without losing its options' types. */
export const choice = <const O extends string>(field: Omit<ChoiceField<O>, "kind">): ChoiceField<O> => ({
  kind: "choice",
  ...field,
});

/** Every field at its default. */
export function defaultsOf<S extends Schema>(schema: S): Values<S> {
  return Object.fromEntries(Object.entries(schema).map(([key, field]) => [key, field.default])) as Values<S>;
}

const decimal = /^-?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i;

/** A number when the text is a plain decimal within the field's limits, else null: nothing is rounded or clamped. */
function parseNumber(field: NumberField, text: string): number | null {
  if (!decimal.test(text)) return null;
  const value = Number(text) + 0; // −0 becomes 0
  if (!(value >= field.min && value <= field.max)) return null;
  return field.kind === "integer" && !Number.isSafeInteger(value) ? null : value;
}

/** Text → value; null when the text is not a legal value of the field. Never throws. */
export function parseField(field: Field, text: string): string | number | null {
  switch (field.kind) {
    case "number":
    case "integer":
      return parseNumber(field, text);
    case "choice":
      return field.options.includes(text) ? text : null;
    case "text":
      if (text.length > field.maxLength) return null;
      return field.pattern === undefined || field.pattern.test(text) ? text : null;
  }
}

/** What the field accepts, in words: the end of "got …, expected …". */
export function expected(field: Field): string {
  switch (field.kind) {
    case "number":
      return `a number from ${field.min} to ${field.max}`;
    case "integer":
      return `a whole number from ${field.min} to ${field.max}`;
    case "choice":
      return `one of ${field.options.join(", ")}`;
    case "text":
      return field.pattern === undefined
        ? `a text of at most ${field.maxLength} characters`
        : `a name this page knows how to read`;
  }
}
