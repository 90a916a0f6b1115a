/**
 * The link: `#/playground?v=1&model=bundled:world-s&temperature=0`. Only what differs from the defaults, in schema
 * order, so equal states give equal links. Reading takes only the keys a schema names; a value that is not legal is
 * reported and the default stays.
 */
import { isPageId, pages, shared, type PageId, type PageValues } from "./pages.ts";
import { defaultsOf, expected, parseField, type Schema, type Values } from "./schema.ts";

export const linkVersion = 1;

/** Entry i turns the parameters of version i + 1 into those of version i + 2. */
const migrations: readonly ((params: URLSearchParams) => URLSearchParams)[] = [];

export interface LinkState<P extends PageId = PageId> {
  readonly page: P;
  /** A model reference, or "" for the model the lab opens with. */
  readonly model: string;
  readonly values: PageValues[P];
}

/** One state per page: what a link can name. */
export type AnyLink = { readonly [P in PageId]: LinkState<P> }[PageId];

export interface ReadLink {
  readonly link: AnyLink;
  /** One sentence for each thing in the link that was not understood and so was left out. */
  readonly ignored: readonly string[];
}

const mostReports = 8;
const mostEntries = 200;

/** A stranger's text, short enough to be shown. */
const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

const schemaOf = (page: PageId): Schema => ({ ...shared, ...pages[page].schema });

/** The link of a state, from "#" on. */
export function writeLink(link: AnyLink): string {
  const values: Readonly<Record<string, string | number>> = { model: link.model, ...link.values };
  const params = new URLSearchParams({ v: String(linkVersion) });
  let isDefault = true;
  for (const [key, field] of Object.entries(schemaOf(link.page))) {
    const value = values[key];
    if (value === undefined || value === field.default) continue;
    params.set(key, String(value));
    isDefault = false;
  }
  // A colon is legal in a fragment and a model reference reads better with it.
  return isDefault ? `#/${link.page}` : `#/${link.page}?${params.toString().replaceAll("%3A", ":")}`;
}

function split(hash: string): { readonly path: string; readonly params: URLSearchParams } {
  const body = hash.startsWith("#") ? hash.slice(1) : hash;
  const mark = body.indexOf("?");
  const path = (mark < 0 ? body : body.slice(0, mark)).replace(/^\/|\/$/g, "");
  return { path, params: new URLSearchParams(mark < 0 ? "" : body.slice(mark + 1)) };
}

function migrate(params: URLSearchParams, report: (line: string) => void): URLSearchParams {
  const written = params.get("v") ?? String(linkVersion);
  const version = /^[1-9]\d{0,3}$/.test(written) ? Number(written) : 0;
  if (version === 0 || version > linkVersion) {
    report(`v=${shorten(written)}: this page reads links of version ${linkVersion}`);
    return params;
  }
  return migrations.slice(version - 1).reduce((old, step) => step(old), params);
}

function readValues<S extends Schema>(
  schema: S,
  params: URLSearchParams,
  report: (line: string) => void,
): Values<S> {
  const values: Record<string, unknown> = { ...defaultsOf(schema) };
  const seen = new Set<string>(["v"]);
  for (const [key, text] of [...params].slice(0, mostEntries)) {
    const field = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (key === "v") continue;
    if (field === undefined) report(`${shorten(key)}: not a setting of this page`);
    else if (seen.has(key)) report(`${key}=${shorten(text)}: given twice, the first is used`);
    else {
      seen.add(key);
      const value = parseField(field, text);
      if (value === null) report(`${key}=${shorten(text)}: expected ${expected(field)}`);
      else values[key] = value;
    }
  }
  return values as Values<S>;
}

/** The state a link stands for, and what in it was not understood. Never throws. */
export function readLink(hash: string): ReadLink {
  const { path, params } = split(hash);
  const reports: string[] = [];
  let n = 0;
  const report = (line: string): void => {
    n++;
    if (n <= mostReports) reports.push(line);
  };
  const page: PageId = isPageId(path) ? path : "playground";
  if (path !== "" && !isPageId(path)) report(`/${shorten(path)}: no such page`);
  const { model, ...values } = readValues(schemaOf(page), migrate(params, report), report);
  if (n > mostReports) reports.push(`and ${n - mostReports} more`);
  return { link: { page, model: String(model), values } as unknown as AnyLink, ignored: reports };
}
