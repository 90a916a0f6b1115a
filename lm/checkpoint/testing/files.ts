/** Small files for the tests of the readers. */
import { type FileSource, type Folder, memoryFolder, memorySource } from "../source.ts";

const utf8 = new TextEncoder();

/** A safetensors file from the text (or bytes) of its header and its data; `declared` overrides N. */
export function rawSafetensors(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(0),
  declared?: bigint,
): Uint8Array {
  const head = typeof header === "string" ? utf8.encode(header) : header;
  const file = new Uint8Array(8 + head.byteLength + data.byteLength);
  new DataView(file.buffer).setBigUint64(0, declared ?? BigInt(head.byteLength), true);
  file.set(head, 8);
  file.set(data, 8 + head.byteLength);
  return file;
}

/** Header text and data together, as a file called `t.safetensors`. */
export function safetensorsSource(header: string | Uint8Array, dataBytes = 0, declared?: bigint): FileSource {
  return memorySource("t.safetensors", rawSafetensors(header, new Uint8Array(dataBytes), declared));
}

/** A folder of texts and bytes. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Folder {
  const entries = Object.entries(files).map(
    ([name, content]) => [name, typeof content === "string" ? utf8.encode(content) : content] as const,
  );
  return memoryFolder(new Map(entries));
}

/** Text of a config that is right, with some fields replaced; a field of `undefined` is left out. */
export function configText(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    model_type: "llama",
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 13,
    max_position_embeddings: 32,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    ...fields,
  });
}

/** Text of a small byte-level BPE tokenizer.json that is right, with fields of the file and its model replaced. */
export function tokenizerText(
  fields: Readonly<Record<string, unknown>> = {},
  model: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    version: "1.0",
    added_tokens: [{ id: 0, content: "<end>", special: true }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      unk_token: null,
      vocab: { "<end>": 0, a: 1, b: 2, ab: 3, Ġ: 4, Ġab: 5 },
      merges: ["a b", "Ġ ab"],
      ...model,
    },
    ...fields,
  });
}
