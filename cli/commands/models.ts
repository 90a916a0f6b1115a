import { z } from "zod";
import { readCatalogue } from "../../lab/catalogue.ts";
import { LabError } from "../../lib/errors.ts";
import { readText } from "../../lm/checkpoint/source.ts";
import { parseStrictJson } from "../../lm/checkpoint/strict_json.ts";
import { defineCommand } from "../flags.ts";
import { byteText, table } from "../io.ts";
import { bundledModel, bundledModels } from "../model_source.ts";

const maxCardBytes = 1 << 20;

/** What is taken from a model's `card.json`; the rest passes. */
const cardSchema = z.looseObject({
  family: z.string(),
  weights: z.looseObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  evaluation: z.looseObject({
    skills: z.array(z.looseObject({ skill: z.string(), n: z.int().positive(), accuracy: z.number().min(0).max(1) })),
  }),
});

export const models = defineCommand({
  name: "models",
  summary: "list the models that come with the lab",
  flags: z.object({}),
  about: `JSON: {models: [{ref, family, nParams, bytes, sha256, skills}]}. sha256 is that of model.safetensors; skills are
[{skill, n, accuracy}] on the test split, accuracy of n answers between 0 and 1, as the model's card has them.`,
  examples: ["models", "models --json"],
  async run(_flags, { io }) {
    const catalogue = await readCatalogue(bundledModels(io));
    const list = await Promise.all(
      catalogue.map(async ({ ref, name, nParams, bytes, summary }) => {
        const file = await (await bundledModel(io, name)).open("card.json", io.signal);
        if (file === undefined) throw new LabError("not-found", `${ref} has no card.json`);
        const what = `${name}/card.json`;
        const card = cardSchema.safeParse(parseStrictJson(await readText(file, maxCardBytes, io.signal), what));
        if (!card.success) throw new LabError("bad-file", `${what}: ${z.prettifyError(card.error)}`);
        const { family, weights, evaluation } = card.data;
        const skills = evaluation.skills.map(({ skill, n, accuracy }) => ({ skill, n, accuracy }));
        return { summary, model: { ref, family, nParams, bytes, sha256: weights.sha256, skills } };
      }),
    );
    const text = list.map(({ summary, model: { ref, family, nParams, bytes, sha256, skills } }) =>
      [
        `${ref}  ${family}, ${(nParams / 1e6).toPrecision(3)} M parameters, ${byteText(bytes)}`,
        `  ${summary}`,
        `  sha256 ${sha256}`,
        ...table(skills.map(({ skill, n, accuracy }) => [skill, `${(100 * accuracy).toFixed(1)} %`, `of ${n}`]))
          .split("\n")
          .map((line) => `  ${line}`),
      ].join("\n"),
    );
    return { json: { models: list.map(({ model }) => model) }, text: text.join("\n\n") };
  },
});
