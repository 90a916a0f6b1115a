import { useState } from "react";
import { Button, Tooltip, TooltipTrigger } from "react-aria-components";
import { Check, Link2, Monitor, Moon, Sun } from "lucide-react";
import { showFigure } from "../address.ts";
import { pageIds, pages, type PageId } from "../link/pages.ts";
import { chooseTheme, linkOf, showPage } from "../store/settings.ts";
import type { LabState, Theme } from "../store/state.ts";
import { useLab, useLabState } from "./lab_context.tsx";
import { ModelPicker } from "./ModelPicker.tsx";

export function TopBar() {
  return (
    <header className="top">
      <span className="wordmark">
        <Mark /> Benchtop
      </span>
      <nav className="benches" aria-label="Benches">
        {pageIds.map((page) => (
          <BenchLink key={page} page={page} />
        ))}
      </nav>
      <div className="top-tools">
        <ModelPicker />
        <CopyLink />
        <ThemeButton />
      </div>
    </header>
  );
}

/** The corner of an attention map. */
function Mark() {
  const cells = [
    [0, 0, 1],
    [0, 1, 0.45],
    [1, 1, 1],
    [0, 2, 0.25],
    [1, 2, 0.5],
    [2, 2, 1],
  ] as const;
  return (
    <svg className="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden>
      {cells.map(([x, y, opacity]) => (
        <rect key={`${x}${y}`} x={x * 7} y={y * 7} width="6" height="6" rx="1" opacity={opacity} />
      ))}
    </svg>
  );
}

function BenchLink({ page }: { readonly page: PageId }) {
  const lab = useLab();
  const isHere = useLabState((state) => state.page === page);
  const href = useLabState((state: LabState) => linkOf({ ...state, page }));
  return (
    <a
      href={href}
      className="bench"
      aria-current={isHere ? "page" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        showPage(lab, page);
        void showFigure(lab);
      }}
    >
      {pages[page].title}
    </a>
  );
}

const copyWords = {
  ready: "Copy a link to exactly this: text, model, settings, seed and view",
  copied: "Link copied",
  refused: "The browser did not allow it; the address bar holds the same link",
} as const;

function CopyLink() {
  const lab = useLab();
  const [state, setState] = useState<keyof typeof copyWords>("ready");
  const copy = async (): Promise<void> => {
    const link = new URL(linkOf(lab.store.getState()), location.href).href;
    const done = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    setState(done === true ? "copied" : "refused");
    setTimeout(() => setState("ready"), 3000);
  };
  return (
    <TooltipTrigger delay={300}>
      <Button className="icon-button" aria-label="Copy link" onPress={() => void copy()}>
        {state === "copied" ? <Check size={18} aria-hidden /> : <Link2 size={18} aria-hidden />}
        <output className="hidden">{state === "ready" ? "" : copyWords[state]}</output>
      </Button>
      <Tooltip className="tip" placement="bottom" offset={6}>
        {copyWords[state]}
      </Tooltip>
    </TooltipTrigger>
  );
}

const themes: readonly { readonly theme: Theme; readonly label: string; readonly Icon: typeof Sun }[] = [
  { theme: "system", label: "as the system", Icon: Monitor },
  { theme: "light", label: "light", Icon: Sun },
  { theme: "dark", label: "dark", Icon: Moon },
];

function ThemeButton() {
  const lab = useLab();
  const theme = useLabState((state) => state.theme);
  const at = themes.findIndex((entry) => entry.theme === theme);
  const now = themes[at] ?? themes[0]!;
  const next = themes[(at + 1) % themes.length]!;
  return (
    <TooltipTrigger delay={300}>
      <Button
        className="icon-button"
        aria-label={`Theme: ${now.label}. Change to ${next.label}.`}
        onPress={() => chooseTheme(lab, next.theme, () => localStorage)}
      >
        <now.Icon size={18} aria-hidden />
      </Button>
      <Tooltip className="tip" placement="bottom end" offset={6}>
        Theme: {now.label}
      </Tooltip>
    </TooltipTrigger>
  );
}
