import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type DataFile, parseDataFile, toSequences } from "../lab/data_file.ts";
import { tokenizerOf, type Words } from "../lab/text.ts";
import type { MaskedSequence } from "../lm/batch.ts";
import type { LlamaConfig } from "../lm/config.ts";
import { nodeFile } from "../lm/checkpoint/node_folder.ts";
import { readText } from "../lm/checkpoint/source.ts";
import type { Context } from "./command.ts";

const maxDataBytes = 256 << 20;

/** What `--help` says of batch and data files. */
export const dataFileHelp = `Files of examples are JSON lines, one example a line, or JSON: {"examples": […], "gradEntries": {…}}. An example is
{"tokens": […], "mask": […]}, mask 1 on a position whose token is a target (never the first), or {"prompt",
"completion"}, each a text or an array of ids; every token of the completion is a target. Prompt and completion are
tokenised as two texts and put one behind the other. Nothing is added, no start token and no end token: write
special tokens into the text where they belong.`;

/** Reads a file of examples; `sha256` is that of its text. Throws `not-found`, `bad-file`. */
export async function readDataFile(path: string, { io }: Context): Promise<DataFile & { readonly sha256: string }> {
  const text = await readText(await nodeFile(path), maxDataBytes, io.signal);
  return { ...parseDataFile(text, basename(path)), sha256: createHash("sha256").update(text).digest("hex") };
}

/** The examples as ids for a model. Throws `bad-file`, `not-found` for text without a tokenizer. */
export function sequencesFor(loaded: Words & { readonly model: { readonly config: LlamaConfig } }, { examples }: DataFile): MaskedSequence[] {
  const { dVocab, nCtx } = loaded.model.config;
  const encode = (text: string): number[] => tokenizerOf(loaded).encode(text, { addSpecial: false });
  return toSequences(examples, { dVocab, nCtx, encode });
}
