import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LabError } from "../lib/errors.ts";
import { nodeFile, nodeFolder } from "../lm/checkpoint/node_folder.ts";
import type { Folder } from "../lm/checkpoint/source.ts";
import type { ModelRef } from "../lab/protocol.ts";
import type { Io } from "./io.ts";

/** Where a model's files are, and what it is called from then on. */
export interface ModelSource {
  readonly ref: ModelRef;
  readonly folder: Folder;
}

/** The folder of the bundled models. Throws `not-found` where nobody said where the project is. */
export function bundledModels(io: Io): Folder & { readonly path: string } {
  const root = io.env["BENCHTOP_ROOT"];
  if (root === undefined || root === "") {
    throw new LabError("not-found", "BENCHTOP_ROOT is not set, so the bundled models cannot be found", "Start with npm run lab.");
  }
  const path = join(root, "public/models");
  return { ...nodeFolder(path), path };
}

/** A bundled model's own folder. Throws `bad-param` for what is no name, `not-found`. */
export async function bundledModel(io: Io, name: string): Promise<Folder> {
  if (!/^[a-z0-9-]+$/.test(name)) throw new LabError("bad-param", `"${name}" is no name of a bundled model`);
  const path = join(bundledModels(io).path, name);
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new LabError("not-found", `no model named ${name} comes with the lab`, "lab models lists those that do.");
  }
  return nodeFolder(path);
}

/**
 * A model reference as people write it → its files. Nothing is read yet.
 * Throws `not-found`; `unsupported` for the kinds of files and places that are not read yet.
 */
export async function findModel(io: Io, text: string): Promise<ModelSource> {
  if (text.startsWith("bundled:")) {
    const name = text.slice("bundled:".length);
    return { ref: `bundled:${name}`, folder: await bundledModel(io, name) };
  }
  if (text.startsWith("hf:")) {
    throw new LabError(
      "unsupported",
      `${text}: models are not fetched from the Hub yet`,
      "Download its config.json, model.safetensors and tokenizer.json into a folder and give the folder.",
    );
  }
  if (/\.(gguf|bin)$/i.test(text)) {
    const kind = /gguf$/i.test(text) ? "GGUF" : "llama2.c .bin";
    throw new LabError("unsupported", `${text}: ${kind} files are not read yet`, "Give a .safetensors file or a folder in Hugging Face layout.");
  }
  const found = await stat(text).catch(() => undefined);
  const ref: ModelRef = `file:${text}`;
  if (found?.isDirectory()) return { ref, folder: nodeFolder(text) };
  if (found?.isFile() && text.endsWith(".safetensors")) return { ref, folder: besideFile(text) };
  if (found?.isFile()) {
    throw new LabError("unsupported", `${text} is no .safetensors file`, "Give a .safetensors file or a folder in Hugging Face layout.");
  }
  const isBundled = /^[a-z0-9-]+$/.test(text) && (await bundledModel(io, text).then(() => true, () => false));
  throw new LabError(
    "not-found",
    `${text}: no such file or folder`,
    isBundled ? `The bundled model is bundled:${text}.` : "lab models lists the models that come with the lab.",
  );
}

/** The folder around one weights file, in which that file alone is the weights. */
function besideFile(path: string): Folder {
  const folder = nodeFolder(dirname(path));
  const isOther = (name: string): boolean => name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json");
  return {
    async list() {
      return [...(await folder.list()).filter((name) => !isOther(name)), basename(path)].sort();
    },
    async open(name, signal) {
      if (name === "model.safetensors" || name === basename(path)) return nodeFile(path);
      return isOther(name) ? undefined : folder.open(name, signal);
    },
  };
}
