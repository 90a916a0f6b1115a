/** The pages of the lab and everything about them that a link can hold. */
import { splits, taskIds } from "../../lab/world/types.ts";
import { choice, type Schema, type TextField, type Values } from "./schema.ts";

/** Longest text a box or a link takes, in characters. */
const longestText = 20_000;

export const shared = {
  model: {
    kind: "text",
    label: "Model",
    doc: "The model everything on this page is computed with. Left out, it is the one the lab opens with.",
    maxLength: 200,
    default: "",
    pattern: /^(?:(?:bundled|file):[\p{L}\p{N}][\p{L}\p{N} ._-]*)?$/u,
  },
} as const satisfies Schema;

const text = (label: string, doc: string, value: string): TextField => ({
  kind: "text",
  label,
  doc,
  maxLength: longestText,
  default: value,
});

export const playgroundSchema = {
  prompt: text(
    "Prompt",
    "The text the model reads first. It then writes on from the last character.",
    "Story: Mia, Leo and a kite at the lake.\n",
  ),
  temperature: {
    kind: "number",
    label: "Temperature",
    doc: "How freely the next token is drawn. 0 always takes the most probable one; 1 draws exactly as the model believes.",
    min: 0,
    max: 2,
    step: 0.05,
    default: 0.7,
    names: { 0: "greedy" },
  },
  topK: {
    kind: "integer",
    label: "Top-k",
    doc: "Draw only among the k most probable tokens.",
    min: 0,
    max: 200,
    step: 1,
    default: 0,
    names: { 0: "off" },
  },
  topP: {
    kind: "number",
    label: "Top-p",
    doc: "Draw only among the most probable tokens that together hold this share of the probability.",
    min: 0.01,
    max: 1,
    step: 0.01,
    default: 1,
    names: { 1: "off" },
  },
  minP: {
    kind: "number",
    label: "Min-p",
    doc: "Leave out every token less probable than this fraction of the most probable one.",
    min: 0,
    max: 1,
    step: 0.01,
    default: 0,
    names: { 0: "off" },
  },
  maxNewTokens: {
    kind: "integer",
    label: "Length",
    doc: "The most tokens the model may write. It may stop sooner on its own.",
    min: 1,
    max: 512,
    step: 1,
    default: 96,
  },
  n: {
    kind: "integer",
    label: "Continuations",
    doc: "How many continuations are written side by side. Each draws its own luck from the same seed.",
    min: 1,
    max: 4,
    step: 1,
    default: 1,
  },
  seed: {
    kind: "integer",
    label: "Seed",
    doc: "The number all chance is drawn from. The same seed and settings give the same text again.",
    min: 0,
    max: 4_294_967_295,
    step: 1,
    default: 1,
  },
} as const satisfies Schema;

export const attentionSchema = {
  text: text(
    "Text",
    "The text the model reads. Nothing is written; we only watch where each token looks.",
    "Story: Mia, Leo and a kite at the lake.\nOnce there was a girl named Mia. Mia had a kite. Leo had a kite.",
  ),
  layer: {
    kind: "integer",
    label: "Layer",
    doc: "Which layer of the model to look at, counted from 0.",
    min: 0,
    max: 255,
    step: 1,
    default: 0,
  },
  head: {
    kind: "integer",
    label: "Head",
    doc: "Which attention head of the layer to enlarge, counted from 0.",
    min: 0,
    max: 255,
    step: 1,
    default: 0,
  },
  lens: choice({
    label: "Shade by",
    doc: "Shade each cell by how sure the layer is of its own guess, or by how much it believes in the token that really comes next.",
    options: ["guess", "truth"],
    default: "guess",
  }),
} as const satisfies Schema;

export const worldSchema = {
  task: choice({ label: "Task", doc: "What is asked of the model.", options: taskIds, default: "stories" }),
  split: choice({
    label: "Split",
    doc: "Models learn from train, are tuned on validation and judged on test. The three share no item.",
    options: splits,
    default: "test",
  }),
  seed: {
    kind: "integer",
    label: "Seed",
    doc: "Another seed is another book of examples.",
    min: 0,
    max: 4_294_967_295,
    step: 1,
    default: 1,
  },
  index: {
    kind: "integer",
    label: "Example",
    doc: "The number of the example in its book, counted from 0.",
    min: 0,
    max: 999_999,
    step: 1,
    default: 0,
  },
} as const satisfies Schema;

export const pages = {
  playground: { title: "Playground", schema: playgroundSchema },
  attention: { title: "Attention", schema: attentionSchema },
  world: { title: "World", schema: worldSchema },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly schema: Schema }>>;

export type PageId = keyof typeof pages;
export const pageIds = Object.keys(pages) as readonly PageId[];
export const isPageId = (id: string): id is PageId => Object.hasOwn(pages, id);

export type PlaygroundValues = Values<typeof playgroundSchema>;
export type AttentionValues = Values<typeof attentionSchema>;
export type WorldValues = Values<typeof worldSchema>;

/** The settings of every page, by page. */
export interface PageValues {
  readonly playground: PlaygroundValues;
  readonly attention: AttentionValues;
  readonly world: WorldValues;
}
