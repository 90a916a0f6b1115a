import { z } from "zod";
import { planMemory } from "../plan_memory.ts";
import { isJsonObject, parseStrictJson } from "../../lm/checkpoint/strict_json.ts";
import { type Folder, readText } from "../../lm/checkpoint/source.ts";
import { countParameters } from "../../lm/config.ts";
import { defineCommand } from "../flags.ts";
import { byteText, table } from "../io.ts";
import { modelFlag, openHead } from "../use_model.ts";

const maxTokenizerBytes = 64 << 20;

export const inspect = defineCommand({
  name: "inspect",
  summary: "what a model is, from its headers alone: sizes, tensors, tokenizer, memory",
  flags: z.object(modelFlag),
  about: `JSON: {family, config, nParams, tensors: [{name, dtype, shape}], dtype, tokenizer: {type, vocabSize} or null,
memory: {weights, kvPerToken, peakForward, peakTrain}}. No weights are read and no adapter is needed.

Memory is in bytes on the device, where weights and cache are f32. peakForward is all there is at once in a forward
pass over min(512, context) tokens that keeps every logit; peakTrain in a training step (AdamW, every parameter) on
4 sequences of min(128, context). Both are planned as for a run, on a device that computes nothing; for models of
more than 1 GB of weights they are estimated from the sizes instead (memory.isPlanned says which).`,
  examples: ["inspect --model bundled:world-m", "inspect --model ./my-model --json"],
  async run({ model }, context) {
    const head = await openHead(model, context);
    const { config, checkpoint } = head.opened;
    const tensors = [...checkpoint.tensors.values()].map(({ info: { name, dtype, shape } }) => ({ name, dtype, shape }));
    const dtype = [...new Set(tensors.map((tensor) => tensor.dtype))].sort().join("+");
    const tokenizer =
      head.tokenizer === undefined
        ? null
        : { type: await tokenizerType(head.source.folder), vocabSize: head.tokenizer.vocabSize };
    const memory = await planMemory(config);
    const nParams = countParameters(config);
    const json = { family: "llama", config, nParams, tensors, dtype, tokenizer, memory };
    const text = [
      table([
        ["family", "llama"],
        ["parameters", nParams.toLocaleString("en")],
        ["layers", String(config.nLayer)],
        ["width", `${config.dModel}, ${config.dMlp} in the MLP`],
        ["heads", `${config.nHead} of width ${config.dHead}, ${config.nKvHead} for keys and values`],
        ["vocabulary", `${config.dVocab}${config.tieEmbeddings ? ", embeddings tied" : ""}`],
        ["context", `${config.nCtx} tokens, rope theta ${config.ropeTheta}`],
        ["weights", `${dtype}, ${tensors.length} tensors, ${byteText(checkpoint.totalBytes)} in ${checkpoint.shards.length} file(s)`],
        ["tokenizer", tokenizer === null ? "none" : `${tokenizer.type}, ${tokenizer.vocabSize} tokens`],
        ["memory", `${byteText(memory.weights)} weights, ${byteText(memory.kvPerToken)} of cache a token`],
        ["", `${byteText(memory.peakForward)} for a forward pass, ${byteText(memory.peakTrain)} for a training step`],
      ]),
      "",
      table(tensors.map(({ name, dtype: type, shape }) => [name, type, `[${shape.join(", ")}]`])),
    ].join("\n");
    return { json, text };
  },
});

/** `model.type` of tokenizer.json; "BPE" in the old form that has none. */
async function tokenizerType(folder: Folder): Promise<string> {
  const file = await folder.open("tokenizer.json");
  const json = file && parseStrictJson(await readText(file, maxTokenizerBytes), "tokenizer.json");
  const model = isJsonObject(json) ? json["model"] : undefined;
  const type = isJsonObject(model) ? model["type"] : undefined;
  return typeof type === "string" ? type : "BPE";
}
