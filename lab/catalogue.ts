import { z } from "zod";
import { LabError } from "../lib/errors.ts";
import { type Folder, readText } from "../lm/checkpoint/source.ts";
import { parseStrictJson } from "../lm/checkpoint/strict_json.ts";
import type { BundledModel } from "./protocol.ts";

const maxCatalogueBytes = 1 << 20;

/** `models/index.json`: the models that come with the lab, the one to open first on top. */
const schema = z.array(
  z.object({
    name: z.string().regex(/^[a-z0-9-]+$/),
    summary: z.string(),
    nParams: z.int().positive(),
    bytes: z.int().positive(),
  }),
);

/** Reads the catalogue of a folder of models. Throws `bad-file`. */
export async function readCatalogue(models: Folder): Promise<BundledModel[]> {
  const file = await models.open("index.json");
  if (file === undefined) throw new LabError("not-found", "models/index.json is missing", "Serve the whole dist folder.");
  const parsed = schema.safeParse(parseStrictJson(await readText(file, maxCatalogueBytes), "models/index.json"));
  if (!parsed.success) throw new LabError("bad-file", `models/index.json: ${z.prettifyError(parsed.error)}`);
  return parsed.data.map((model) => ({ ref: `bundled:${model.name}`, ...model }));
}
