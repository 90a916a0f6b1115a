import { useState } from "react";
import { Button } from "react-aria-components";
import type { Row } from "../charts/save.ts";

/** Rows shown before the visitor asks for more. */
const firstRows = 200;

const shown = (value: string | number | null | undefined): string => {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string" || Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential(2) : value.toFixed(4);
};

/** The numbers of a figure as a plain table that scrolls in its own box. */
export function DataTable({ caption, rows }: { readonly caption: string; readonly rows: readonly Row[] }) {
  const [isWhole, setIsWhole] = useState(false);
  const keys = Object.keys(rows[0] ?? {});
  const visible = isWhole ? rows : rows.slice(0, firstRows);
  return (
    <div className="table-box" role="region" aria-label={`Table: ${caption}`} tabIndex={0}>
      <table className="table num">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            {keys.map((key) => (
              <th key={key} scope="col">
                {key}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {visible.map((row, i) => (
            <tr key={i}>
              {keys.map((key) => (
                <td key={key} className={typeof row[key] === "string" ? "words" : "figures"}>
                  {shown(row[key])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {visible.length < rows.length && (
        <Button className="button" onPress={() => setIsWhole(true)}>
          Show all {rows.length} rows
        </Button>
      )}
    </div>
  );
}
