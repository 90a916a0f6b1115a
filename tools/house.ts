/**
 * The rules of the house as pure functions from files to breaches; `house.test.ts` runs them on the project
 * and, each on small fixtures, proves that they can fail.
 */
import { posix } from "node:path";
import { parseSync } from "vite";

/** A file of the project: its path from the root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** `path:line` and what is wrong there. */
export type Breach = string;

interface Import {
  /** As written. */
  readonly specifier: string;
  /** File it names, from the root, without a query; null for packages. */
  readonly target: string | null;
  /** Erased by the compiler: `import type`, `export type`. */
  readonly isType: boolean;
  /** `import()`, which loads later. */
  readonly isDynamic: boolean;
  readonly line: number;
}

interface Parsed extends SourceFile {
  readonly imports: readonly Import[];
  /** Every top-level statement imports or re-exports. */
  readonly isBarrel: boolean;
  /** The text with comments and the insides of strings blanked; same length and lines. */
  readonly code: string;
  /** Lines on which a comment with at least two words stands. */
  readonly commented: ReadonlySet<number>;
  /** Strings and template pieces, with their lines. */
  readonly strings: readonly { readonly value: string; readonly line: number }[];
}

const isScript = (path: string): boolean => /\.tsx?$/.test(path);
const isTest = (path: string): boolean => /\.(test|spec)\.tsx?$/.test(path);
const isTesting = (path: string): boolean => isTest(path) || /(^|\/)testing\/|\.bounds\.ts$/.test(path);

// ---------------------------------------------------------------- reading

/** Parses one TypeScript file. Throws where it does not parse. */
export function parse({ path, text }: SourceFile): Parsed {
  const { program, module, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const lineOf = lineCounter(text);
  const literals = stringNodes(program);
  const target = (specifier: string): string | null =>
    specifier.startsWith(".")
      ? posix.normalize(posix.join(posix.dirname(path), specifier.replace(/\?.*$/, "")))
      : null;
  const entry = (specifier: string, start: number, isType: boolean, isDynamic: boolean): Import => ({
    specifier,
    target: target(specifier),
    isType,
    isDynamic,
    line: lineOf(start),
  });
  const isTypeOnly = (start: number): boolean =>
    /^(import|export)\s+type\b/.test(text.slice(start, start + 200));
  const imports = [
    ...module.staticImports.map((i) => entry(i.moduleRequest.value, i.start, isTypeOnly(i.start), false)),
    ...module.staticExports.flatMap((e) => {
      const request = e.entries.find((x) => x.moduleRequest)?.moduleRequest;
      return request ? [entry(request.value, e.start, isTypeOnly(e.start), false)] : [];
    }),
    ...module.dynamicImports.map((d) => {
      const written = text.slice(d.moduleRequest.start, d.moduleRequest.end);
      return entry(written.replaceAll(/^["'`]|["'`]$/g, ""), d.start, false, true);
    }),
  ];
  const blanks = [
    ...comments.map((c) => [c.start, c.end] as const),
    ...literals.map((l) => [l.start + 1, l.end - 1] as const),
  ];
  return {
    path,
    text,
    imports,
    isBarrel: isBarrel(program.body),
    code: blank(text, blanks),
    commented: new Set(
      comments
        .filter((c) => /\S\s+\S/.test(c.value.trim()))
        .flatMap((c) => range(lineOf(c.start), lineOf(c.end))),
    ),
    strings: literals.map((l) => ({ value: l.value, line: lineOf(l.start) })),
  };
}

function isBarrel(body: readonly { type: string }[]): boolean {
  const passesOn = (node: { type: string; declaration?: unknown }): boolean =>
    node.type === "ImportDeclaration" ||
    node.type === "ExportAllDeclaration" ||
    (node.type === "ExportNamedDeclaration" && node.declaration == null);
  return body.some((n) => n.type.startsWith("Export")) && body.every(passesOn);
}

interface Literal {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** String literals, template pieces and JSX text of a syntax tree. */
function stringNodes(node: unknown, found: Literal[] = []): Literal[] {
  if (Array.isArray(node)) for (const child of node) stringNodes(child, found);
  else if (typeof node === "object" && node !== null) {
    const { type, start, end, value } = node as { type?: string; start: number; end: number; value: unknown };
    if (type === "Literal" && typeof value === "string") found.push({ start, end, value });
    else if (type === "JSXText") found.push({ start: start - 1, end: end + 1, value: String(value) });
    else if (type === "TemplateElement") {
      // One character more on each side, as in a quoted string.
      const raw = (value as { raw: string }).raw;
      found.push({ start: start - 1, end: end + 1, value: raw });
    } else for (const child of Object.values(node)) stringNodes(child, found);
  }
  return found;
}

function blank(text: string, ranges: readonly (readonly [number, number])[]): string {
  const letters = text.split("");
  for (const [start, end] of ranges) {
    for (let i = Math.max(0, start); i < end; i++) if (letters[i] !== "\n") letters[i] = " ";
  }
  return letters.join("");
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function lineCounter(text: string): (offset: number) => number {
  return (offset) => text.slice(0, offset).split("\n").length;
}

/** Lines (from 1) of `text` on which `pattern` matches. */
function matchingLines(text: string, pattern: RegExp): { line: number; found: string }[] {
  return text.split("\n").flatMap((row, i) => {
    const match = pattern.exec(row);
    return match ? [{ line: i + 1, found: match[0].trim() }] : [];
  });
}

// ---------------------------------------------------------------- floors

const floors = ["lib", "gpu", "lm", "lab"] as const;

/** What the page may know of the lab: descriptions, never what computes. */
const describing = [
  /^lab\/(protocol|registry|record|events|link)[^/]*\.ts$/,
  /^lab\/(world|describe|link|record)\//,
  /^lab\/experiments\/(.*\/)?describe\.ts$/,
];
const isDescribing = (path: string): boolean => describing.some((d) => d.test(path));

/** The page's side of the door: what of app/worker/ the rest of app/ may load. */
const isDoor = (path: string): boolean => /^app\/worker\/(client|protocol)[^/]*\.ts$/.test(path);

type Room = (typeof floors)[number] | "worker" | "page" | "cli" | "free";

function roomOf(path: string): Room {
  const floor = floors.find((f) => path.startsWith(`${f}/`));
  if (floor) return floor;
  if (path.startsWith("cli/")) return "cli";
  if (path.startsWith("app/")) return path.startsWith("app/worker/") && !isDoor(path) ? "worker" : "page";
  return "free";
}

/** Why `from` may not import `to`, or null. Types cost nothing at run time: those of any room below are free. */
function whyNot(from: string, to: string, isType: boolean): string | null {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === "free") return null;
  if (/(^|\/)testing\//.test(to) && !isTesting(from)) return "is for tests alone";
  if (other === "free") return "lies outside the house";
  const height = floors.indexOf(room as (typeof floors)[number]);
  const otherHeight = floors.indexOf(other as (typeof floors)[number]);
  if (height >= 0 && (otherHeight < 0 || otherHeight > height)) return `is above ${room}/`;
  if (isDescribing(from) && !isTest(from)) {
    return isType || other === "lib" || isDescribing(to)
      ? null
      : "computes, and a describing module of lab/ reaches the page";
  }
  if (otherHeight >= 0) {
    if (room !== "page" || isType || other === "lib" || isDescribing(to)) return null;
    return "computes; the page goes through app/worker/, and loads only what describes";
  }
  if (room === other || (room === "worker" && isDoor(to))) return null;
  if (room !== "page" || other !== "worker") return `is no floor below ${room}`;
  return isType ? null : "runs in the worker; the page loads app/worker/client*.ts or protocol*.ts";
}

/** Imports that look upwards or sideways. */
export function floorBreaches(files: readonly Parsed[]): Breach[] {
  return files.flatMap((file) =>
    file.imports.flatMap(({ target, specifier, isType, line }) => {
      if (target === null || specifier.includes("?worker")) return [];
      const why = whyNot(file.path, target, isType);
      return why === null ? [] : [`${file.path}:${line} imports ${target}, which ${why}`];
    }),
  );
}

/** Shaders are read by gpu/ alone. */
export function shaderBreaches(files: readonly Parsed[]): Breach[] {
  const outside = files.filter((f) => /^(app|cli|lab|lm|lib)\//.test(f.path) && !isTest(f.path));
  return outside.flatMap((file) => [
    ...file.imports
      .filter((i) => i.target?.endsWith(".wgsl"))
      .map((i) => `${file.path}:${i.line} imports ${i.specifier}; only gpu/ reads shaders`),
    ...file.strings
      .filter((s) => /(^|\/)shaders\/.*\.wgsl/.test(s.value))
      .map((s) => `${file.path}:${s.line} reads "${s.value}"; only gpu/ reads shaders`),
  ]);
}

/** Circles of imports that load each other; type-only and dynamic imports do not count. */
export function circles(files: readonly Parsed[]): Breach[] {
  const byPath = new Map(files.map((f) => [f.path, f]));
  const found = new Map<string, Breach>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const circle = trail.slice(at);
      found.set(circle.toSorted().join(" "), `circle: ${[...circle, path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of byPath.get(path)?.imports ?? []) {
      if (next.target !== null && !next.isType && !next.isDynamic) visit(next.target, [...trail, path]);
    }
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  return [...found.values()];
}

/** Files that only pass on what others export. */
export const barrels = (files: readonly Parsed[]): Breach[] =>
  files.filter((f) => f.isBarrel).map((f) => `${f.path}:1 only re-exports; import from the files themselves`);

// ---------------------------------------------------------------- texts

const maxLines = 450;

/** Files too long to read at one sitting. */
export const longFiles = (files: readonly SourceFile[]): Breach[] =>
  files.flatMap(({ path, text }) => {
    const n = text.replace(/\n$/, "").split("\n").length;
    return /\.(tsx?|wgsl)$/.test(path) && n > maxLines
      ? [`${path}:1 has ${n} lines, at most ${maxLines}`]
      : [];
  });

/** A small number written out: 1e-5, 2 ** -20, 0.001. */
const small = String.raw`(?:\d[\d._]*e-\d|\d+\s*\*\*\s*-\s*\d|0?\.00\d)`;
const tolerance = new RegExp(
  String.raw`toBeCloseTo\(|(?:<=?|>=?)\s*${small}|to(?:Be)?(?:Less|Greater)Than(?:OrEqual)?\(\s*${small}|` +
    // The third argument, which a name in quotes may follow; the second is the expected value.
    String.raw`expectClose\(.*,.*,\s*${small}\s*(?:,\s*["'\x60].*)?\)\s*;?\s*$`,
);

/** Tolerances written into tests: they live in lib/testing/close.ts, with their derivation. */
export const literalTolerances = (files: readonly Parsed[]): Breach[] =>
  files
    .filter((f) => isTesting(f.path) && !f.path.startsWith("lib/testing/close.") && !f.path.endsWith(".bounds.ts"))
    .flatMap((f) =>
      matchingLines(f.code, tolerance).map(
        ({ line, found }) =>
          `${f.path}:${line} has a tolerance of its own (${found}); take one from lib/testing/close.ts`,
      ),
    );

/** Waiting for a time instead of for what should happen. */
export const fixedWaits = (files: readonly Parsed[]): Breach[] =>
  files
    .filter((f) => isTesting(f.path))
    .flatMap((f) =>
      matchingLines(f.code, /waitForTimeout\(/).map(({ line }) => `${f.path}:${line} waits for a fixed time`),
    );

const laidAside = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(skip|todo|fixme|fails|only)\b/;

/** Tests laid aside without a comment (on the line or the one above) that says why; `.only` has no excuse. */
export const silentSkips = (files: readonly Parsed[]): Breach[] =>
  files
    .filter((f) => isTesting(f.path))
    .flatMap((f) =>
      matchingLines(f.code, laidAside)
        .filter(
          ({ line, found }) =>
            found.endsWith(".only") || !(f.commented.has(line) || f.commented.has(line - 1)),
        )
        .map(({ line, found }) => `${f.path}:${line} has ${found} without a reason`),
    );

const machinePath =
  /(?<![\w.~@:/-])(?:\/(?:home|Users|root|work|workspace|mnt)\/[\w.-]|[A-Z]:\\{1,2}Users\\)/;

/** Paths that exist on one machine only. */
export const machinePaths = (files: readonly SourceFile[]): Breach[] =>
  files.flatMap((f) =>
    matchingLines(f.text, machinePath).map(
      ({ line, found }) => `${f.path}:${line} names a path of one machine (${found}…)`,
    ),
  );

/** WGSL outside of .wgsl files. */
export const strayShaders = (files: readonly Parsed[]): Breach[] =>
  files.flatMap((f) =>
    f.strings
      .filter((s) => /@compute\b[^]*\bfn\b|@workgroup_size\s*\(/.test(s.value))
      .map((s) => `${f.path}:${s.line} holds WGSL; put it in a .wgsl file`),
  );

/** Every breach of every rule. */
export function inspect(files: readonly SourceFile[]): Breach[] {
  const scripts = files.filter((f) => isScript(f.path)).map(parse);
  // The rules' own fixtures break the rules.
  const judged = scripts.filter((f) => f.path !== "tools/house.test.ts");
  return [
    ...floorBreaches(judged),
    ...shaderBreaches(judged),
    ...circles(judged),
    ...barrels(judged),
    ...longFiles(files),
    ...literalTolerances(judged),
    ...fixedWaits(judged),
    ...silentSkips(judged),
    ...strayShaders(judged),
    ...machinePaths(files.filter((f) => f.path !== "tools/house.test.ts")),
  ];
}

/** Packages without a line in docs/DEPENDENCIES.md, and lines without a package. */
export function unexplained(packageJson: string, document: string): Breach[] {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(packageJson) as Record<string, object>;
  const used = new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)]);
  const explained = new Set([...document.matchAll(/^\| `([^`]+)`\s*\| \S.{20,}/gm)].map((m) => m[1] ?? ""));
  return [
    ...[...used]
      .filter((p) => !explained.has(p))
      .map((p) => `package.json: ${p} has no line in docs/DEPENDENCIES.md`),
    ...[...explained]
      .filter((p) => !used.has(p))
      .map((p) => `docs/DEPENDENCIES.md: ${p} is not in package.json`),
  ];
}
