/** A model and vocabularies that others made, with answers that others published. */
import { describe, expect, test } from "vitest";
import { checkTensors, countParameters, parseConfig } from "../config.ts";
import { openCheckpoint, openWeightsFile } from "./checkpoint.ts";
import { toFloat32 } from "./dtypes.ts";
import { readLlama2cTokenizer } from "./llama2c_tokenizer.ts";
import { nodeFile, nodeFolder } from "./node_folder.ts";
import { countElements, streamTensors } from "./safetensors.ts";
import { isRealHere, realBytes, realPath, realText } from "./testing/real.ts";

test("the material of others is here where it is promised", () => {
  expect(isRealHere || !process.env["CI"]).toBe(true);
});

const folder = "model-stories260k/";

describe.skipIf(!isRealHere)("stories260K", { timeout: 60_000 }, () => {
  const open = async () => openWeightsFile(await nodeFile(realPath(`${folder}hf-model.safetensors`)));

  test("has the published parameters, tensors and hash", async () => {
    const checkpoint = await open();
    const config = parseConfig(realText(`${folder}hf-config.json`), checkpoint.tensors);
    checkTensors(config, new Map([...checkpoint.tensors].map(([name, { info }]) => [name, info])));
    expect(countParameters(config)).toBe(260_032);
    const counts = [...checkpoint.tensors.values()].map(({ info }) => countElements(info.shape));
    expect(counts.reduce((a, b) => a + b)).toBe(260_032);
    expect(checkpoint.totalBytes).toBe(1_040_128);
    expect(checkpoint.shards[0]?.header.metadata.get("format")).toBe("pt");
    expect(await checkpoint.sha256()).toBe(
      "9725e5ab480dc5be459c3cfe8c51292ab4f49386472bfdbeaac5edc024b0fe7c",
    );
    const onlyOne = await openCheckpoint(nodeFolder(realPath(folder)));
    expect([...onlyOne.tensors.keys()]).toEqual([...checkpoint.tensors.keys()]);
  });

  test("holds the same numbers as the llama2.c file it was made from", async () => {
    const checkpoint = await open();
    const { source, header } = checkpoint.shards[0]!;
    const tensors = new Map<string, Float32Array>();
    await streamTensors(source, header, header.tensors.keys(), { chunkBytes: 1 << 12 }, (chunk) => {
      const { info, offset, bytes } = chunk;
      const into = tensors.get(info.name) ?? new Float32Array(countElements(info.shape));
      tensors.set(info.name, toFloat32(bytes, info.dtype, into, offset / 4));
    });
    // llama2.c v0: 7 integers, embedding [512,64], then the norms before attention [5,64] of all layers.
    const original = realBytes(`${folder}stories260K.bin`);
    const floats = (first: number, n: number): Float32Array =>
      toFloat32(original.subarray(28 + 4 * first, 28 + 4 * (first + n)), "F32");
    expect(tensors.get("model.embed_tokens.weight")).toEqual(floats(0, 512 * 64));
    for (let layer = 0; layer < 5; layer++) {
      const norm = tensors.get(`model.layers.${layer}.input_layernorm.weight`);
      expect(norm).toEqual(floats(512 * 64 + 64 * layer, 64));
    }
  });
});

interface Outputs {
  greedy_200_steps: { text: string };
  doc: { text: string }[];
  c64: { text: string };
}
interface Greedy {
  greedy_ids_256_steps: number[];
  zoo_prompt_ids: number[];
  zoo_greedy_ids_64: number[];
}
interface Losses {
  stories260K: { per_story_index_len_nll: [index: number, length: number, nll: number][] };
}

describe.skipIf(!isRealHere)("tok512", { timeout: 60_000 }, () => {
  const load = () => readLlama2cTokenizer(realBytes(`${folder}tok512.bin`));
  const outputs = (): Outputs => JSON.parse(realText(`${folder}expected_outputs.json`)) as Outputs;
  const greedy = (): Greedy => JSON.parse(realText(`${folder}derived_greedy_ids.json`)) as Greedy;

  test("spells the prompt as published", () => {
    const tokenizer = load();
    expect([tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosIds]).toEqual([512, 1, [2]]);
    expect(tokenizer.encode("Zoo")).toEqual([1, 410, 469, 347]);
    expect(tokenizer.encode("Zoo")).toEqual(greedy().zoo_prompt_ids);
    expect(tokenizer.encode("Zoo", { addSpecial: false })).toEqual([410, 469, 347]);
    expect(tokenizer.encode("")).toEqual([1]);
  });

  test("decodes the greedy ids to the published stories, at once and as a stream", () => {
    const tokenizer = load();
    const { greedy_ids_256_steps: ids, zoo_greedy_ids_64: zoo } = greedy();
    const text = (some: number[]): string => tokenizer.decode(some, { skipSpecial: true });
    expect(text(ids.slice(0, 201))).toBe(outputs().greedy_200_steps.text);
    expect(text(ids)).toBe(outputs().doc[0]?.text);
    expect(text(zoo).startsWith(outputs().c64.text)).toBe(true);
    const stream = tokenizer.stream({ skipSpecial: true });
    expect(ids.map((id) => stream.push(id)).join("") + stream.flush()).toBe(text(ids));
    expect(tokenizer.encode(text(ids))).toEqual(ids);
  });

  test("gives the stories of others as many tokens as they counted", () => {
    const tokenizer = load();
    const stories = JSON.parse(realText("text-tinystories/tinystories_100.json")) as string[];
    const counted = JSON.parse(realText(`${folder}derived_tinystories_nll.json`)) as Losses;
    const rows = counted.stories260K.per_story_index_len_nll;
    expect(rows).toHaveLength(89);
    for (const [index, length] of rows) {
      const ids = tokenizer.encode(stories[index]!);
      expect(Math.min(ids.length, 512)).toBe(length);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(stories[index]);
    }
  });

  test("pieces keep their space, and bytes show what they are", () => {
    const tokenizer = load();
    expect(tokenizer.piece(265)).toBe(" the");
    expect(tokenizer.piece(13)).toBe("\n");
    expect(tokenizer.piece(3 + 0xe2)).toBe("<0xE2>");
    expect(tokenizer.piece(512)).toBe("");
    expect([0, 1, 2, 3].map((id) => tokenizer.isSpecial(id))).toEqual([true, true, true, false]);
    const ids = tokenizer.encode("é🙂!");
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("é🙂!");
    const stream = tokenizer.stream({ skipSpecial: true });
    expect(ids.map((id) => stream.push(id)).filter((piece) => piece !== "")).toEqual(["é", "🙂", "!"]);
  });
});

describe.skipIf(!isRealHere)("the vocabulary of Llama 2", { timeout: 60_000 }, () => {
  const cases = () =>
    (
      JSON.parse(realText("tokenizer-llama2-spm/expected_encodings.json")) as {
        cases: { text: string; ids: number[] }[];
      }
    ).cases;

  test("encodes the reference texts", () => {
    const tokenizer = readLlama2cTokenizer(realBytes("tokenizer-llama2-spm/tokenizer.bin"));
    expect(tokenizer.vocabSize).toBe(32_000);
    expect(cases()).toHaveLength(5);
    for (const { text, ids } of cases()) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(text);
    }
  });
});
