import { Button, Disclosure, DisclosurePanel, Heading } from "react-aria-components";
import { ChevronDown } from "lucide-react";
import { Setting } from "../form/Setting.tsx";
import { playgroundSchema } from "../link/pages.ts";
import { useLab, useLabState } from "../shell/lab_context.tsx";
import { change } from "../store/settings.ts";

const first = ["temperature", "maxNewTokens", "n", "seed"] as const;
const second = ["topK", "topP", "minP"] as const;

/** How the next token is drawn: a control for each number of the schema. */
export function SamplingForm() {
  const nChanged = useLabState(
    ({ playground }) => second.filter((key) => playground[key] !== playgroundSchema[key].default).length,
  );
  return (
    <section className="sampling" aria-label="Sampling">
      {first.map((key) => (
        <SamplingSetting key={key} name={key} />
      ))}
      <Disclosure className="more">
        <Heading level={2} className="more-head">
          <Button slot="trigger" className="more-button">
            <ChevronDown size={16} aria-hidden />
            Leave out unlikely tokens
            {nChanged > 0 && <span className="quiet">{nChanged} on</span>}
          </Button>
        </Heading>
        <DisclosurePanel>
          {second.map((key) => (
            <SamplingSetting key={key} name={key} />
          ))}
        </DisclosurePanel>
      </Disclosure>
    </section>
  );
}

function SamplingSetting({ name }: { readonly name: (typeof first | typeof second)[number] }) {
  const lab = useLab();
  const value = useLabState((state) => state.playground[name]);
  return (
    <Setting
      field={playgroundSchema[name]}
      value={value}
      onChange={(next) => change(lab, "playground", { [name]: next })}
    />
  );
}
