import { useId, useState, type ReactNode } from "react";
import { Button, Menu, MenuItem, MenuTrigger, Popover, ToggleButton } from "react-aria-components";
import { Download, Table2 } from "lucide-react";
import { csv, saveText, type Row } from "../charts/save.ts";
import { DataTable } from "./DataTable.tsx";

export interface SaveOption {
  readonly label: string;
  readonly run: () => void | Promise<void>;
}

interface FigureProps {
  readonly title: string;
  /** What one sees and how to read it, in a sentence or two. */
  readonly about?: ReactNode;
  /** The numbers behind the figure; made when somebody asks for them. */
  readonly rows: () => readonly Row[];
  /** Name of saved files, without an ending. */
  readonly name: string;
  readonly save?: readonly SaveOption[];
  readonly tools?: ReactNode;
  readonly isReady: boolean;
  readonly children: ReactNode;
}

/** A figure with its title, its reading aid, the table behind it and its files. */
export function Figure({ title, about, rows, name, save = [], tools, isReady, children }: FigureProps) {
  const id = useId();
  const [isTable, setIsTable] = useState(false);
  const files: readonly SaveOption[] = [
    ...save,
    { label: "Numbers (CSV)", run: () => saveText(`${name}.csv`, csv(rows()), "text/csv") },
  ];
  return (
    <section className="figure" aria-labelledby={id}>
      <header className="figure-head">
        <h2 id={id}>{title}</h2>
        <div className="figure-tools">
          {tools}
          <ToggleButton
            className="icon-button"
            aria-label={`Show as table: ${title}`}
            isSelected={isTable}
            onChange={setIsTable}
            isDisabled={!isReady}
          >
            <Table2 size={17} aria-hidden />
          </ToggleButton>
          <MenuTrigger>
            <Button className="icon-button" aria-label={`Save: ${title}`} isDisabled={!isReady}>
              <Download size={17} aria-hidden />
            </Button>
            <Popover className="popover" placement="bottom end" offset={4}>
              <Menu
                className="menu"
                aria-label={`Save: ${title}`}
                onAction={(key) => void files[Number(key)]?.run()}
              >
                {files.map((file, i) => (
                  <MenuItem key={file.label} id={i} className="menu-item">
                    {file.label}
                  </MenuItem>
                ))}
              </Menu>
            </Popover>
          </MenuTrigger>
        </div>
      </header>
      {about !== undefined && <p className="figure-about">{about}</p>}
      {isTable && isReady ? <DataTable caption={title} rows={rows()} /> : children}
    </section>
  );
}
