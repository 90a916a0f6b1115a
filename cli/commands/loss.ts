import { z } from "zod";
import { meanGradients, meanLoss } from "../../lab/train_run.ts";
import { LabError } from "../../lib/errors.ts";
import { countTargets } from "../../lm/batch.ts";
import { defineCommand } from "../flags.ts";
import { table } from "../io.ts";
import { dataFileHelp, readDataFile, sequencesFor } from "../read_data.ts";
import { deviceFlags, withModel } from "../use_model.ts";

/** The losses there are. */
export const lossFlag = z.enum(["ce"]).meta({ description: "ce: cross-entropy, the mean over target tokens in nats" });

export const loss = defineCommand({
  name: "loss",
  summary: "the loss of a batch, and with --grads its gradient",
  flags: z.object({
    ...deviceFlags,
    batch: z.string().min(1).meta({ description: "file of examples", placeholder: "FILE" }),
    loss: lossFlag,
    grads: z.boolean().default(false).meta({ description: "norms of the gradients, and the entries the file asks for" }),
  }),
  about: `JSON: {loss, parts, gradNorms, gradEntries}. parts of ce: {ce, nTargets}. With --grads gradNorms has for every
tensor of the checkpoint the L2 norm of its gradient, and gradEntries {tensor: {flat index: value}} the entries that
the file names in its own gradEntries; without --grads both are absent.

${dataFileHelp}`,
  examples: ["loss --model bundled:world-m --batch batch.jsonl --loss ce", "loss --model ./my-model --batch batch.json --loss ce --grads --json"],
  async run(flags, context) {
    const file = await readDataFile(flags.batch, context);
    return withModel(flags, context, async (loaded) => {
      const { model } = loaded;
      const sequences = sequencesFor(loaded, file);
      const sizes = new Map(model.parts.map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)]));
      for (const [tensor, indices] of file.gradEntries) {
        const size = sizes.get(tensor);
        if (size === undefined) throw new LabError("bad-file", `"gradEntries" names ${tensor}, which the model lacks`, "lab inspect lists its tensors.");
        const beyond = indices.find((index) => index >= size);
        if (beyond !== undefined) throw new LabError("bad-file", `"gradEntries" of ${tensor} has index ${beyond}; it has ${size} elements`);
      }
      const nTargets = countTargets(sequences);
      if (!flags.grads) {
        const value = await meanLoss(model, sequences, context.io.signal);
        return {
          json: { loss: value, parts: { ce: value, nTargets } },
          text: `loss ${value.toFixed(6)} nats per token, ${nTargets} target tokens in ${sequences.length} examples`,
        };
      }
      const { loss: value, gradients } = await meanGradients(model, sequences, context.io.signal);
      const norms = [...gradients].map(([name, g]) => [name, Math.sqrt(g.reduce((sum, x) => sum + x * x, 0))] as const);
      const entries = [...file.gradEntries].map(([name, indices]) => {
        const gradient = gradients.get(name)!;
        return [name, Object.fromEntries(indices.map((index) => [index, gradient[index]!]))] as const;
      });
      const text = [
        `loss ${value.toFixed(6)} nats per token, ${nTargets} target tokens in ${sequences.length} examples`,
        "",
        table([["tensor", "gradient norm"], ...norms.map(([name, norm]) => [name, norm.toPrecision(6)])]),
      ];
      return {
        json: {
          loss: value,
          parts: { ce: value, nTargets },
          gradNorms: Object.fromEntries(norms),
          gradEntries: Object.fromEntries(entries),
        },
        text: text.join("\n"),
      };
    });
  },
});
