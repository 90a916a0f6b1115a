/**
 * The weights of a folder in Hugging Face layout: `model.safetensors`, or shards under
 * `model.safetensors.index.json`, or the only `*.safetensors` file there is.
 */
import { LabError } from "../../lib/errors.ts";
import { type SafetensorsHeader, type TensorInfo, readHeader } from "./safetensors.ts";
import { sha256 } from "./sha256.ts";
import { type FileSource, type Folder, checkFileName, readText } from "./source.ts";
import { isJsonObject, parseStrictJson, showJson } from "./strict_json.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const MAX_INDEX_BYTES = 1 << 26;
const HASH_CHUNK_BYTES = 1 << 22;

/** One file of weights. */
export interface Shard {
  readonly source: FileSource;
  readonly header: SafetensorsHeader;
}

export interface Checkpoint {
  /** Every tensor, and the file that holds it. */
  readonly tensors: ReadonlyMap<string, { readonly info: TensorInfo; readonly source: FileSource }>;
  /** The files, by name; `streamTensors` takes one at a time. */
  readonly shards: readonly Shard[];
  /** Bytes of all tensors together, from the headers (an index's own `total_size` is not believed). */
  readonly totalBytes: number;
  /**
   * SHA-256 of the weights in hexadecimal. One file: of that file, as `sha256sum` gives it. Several: of the
   * lines "<hex>  <name>\n" of the files sorted by name, as `sha256sum *.safetensors | sha256sum` gives it.
   */
  sha256(signal?: AbortSignal): Promise<string>;
}

/** Finds the weights and reads the headers, no tensor yet. Throws `not-found`, `bad-file`, `cancelled`. */
export async function openCheckpoint(folder: Folder, signal?: AbortSignal): Promise<Checkpoint> {
  const single = await folder.open(SINGLE, signal);
  if (single) return gather([{ source: single, header: await readHeader(single, signal) }]);
  const index = await folder.open(INDEX, signal);
  if (index) return gather(await openShards(folder, index, signal));
  const others = (await folder.list()).filter((name) => name.endsWith(".safetensors"));
  if (others.length > 1) {
    throw new LabError(
      "not-found",
      `${others.length} .safetensors files, but neither ${SINGLE} nor ${INDEX}`,
      "Choose one file, or the whole folder with its index.",
    );
  }
  const other = others[0] === undefined ? undefined : await folder.open(others[0], signal);
  if (!other) throw new LabError("not-found", `no ${SINGLE} here`, "Choose a folder in Hugging Face layout.");
  return gather([{ source: other, header: await readHeader(other, signal) }]);
}

/** A single weights file that stands by itself. */
export async function openWeightsFile(source: FileSource, signal?: AbortSignal): Promise<Checkpoint> {
  return gather([{ source, header: await readHeader(source, signal) }]);
}

/** Reads the index and every shard it names; index and shards must name the same tensors. */
async function openShards(
  folder: Folder,
  index: FileSource,
  signal: AbortSignal | undefined,
): Promise<Shard[]> {
  const fileOf = readIndex(await readText(index, MAX_INDEX_BYTES, signal));
  const shards: Shard[] = [];
  for (const name of [...new Set(fileOf.values())].sort()) {
    const source = await folder.open(name, signal);
    if (!source) {
      throw new LabError(
        "bad-file",
        `${INDEX}: the file ${name} is not here`,
        "Choose all files of the model.",
      );
    }
    const header = await readHeader(source, signal);
    for (const tensor of header.tensors.keys()) {
      if (fileOf.get(tensor) === name) continue;
      const said = fileOf.has(tensor) ? `in ${fileOf.get(tensor)}` : "nowhere";
      throw new LabError("bad-file", `${name} holds ${showJson(tensor)}, which the index puts ${said}`);
    }
    shards.push({ source, header });
  }
  const byName = new Map(shards.map((shard) => [shard.source.name, shard]));
  for (const [tensor, name] of fileOf) {
    if (byName.get(name)?.header.tensors.has(tensor)) continue;
    throw new LabError("bad-file", `${INDEX}: ${showJson(tensor)} should be in ${name}, which lacks it`);
  }
  return shards;
}

/** Text of an index → tensor name → file name. Throws `bad-file`. */
export function readIndex(text: string): Map<string, string> {
  const index = parseStrictJson(text, INDEX, { maxDepth: 8 });
  const map = isJsonObject(index) ? index["weight_map"] : undefined;
  if (!isJsonObject(map))
    throw new LabError("bad-file", `${INDEX}: weight_map is ${showJson(map)}, not an object`);
  const fileOf = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string") {
      throw new LabError(
        "bad-file",
        `${INDEX}: ${showJson(tensor)} is mapped to ${showJson(file)}, not to a file name`,
      );
    }
    checkFileName(file);
    if (!file.endsWith(".safetensors")) {
      throw new LabError("bad-file", `${INDEX}: ${showJson(file)} is not a .safetensors file`);
    }
    fileOf.set(tensor, file);
  }
  if (fileOf.size === 0) throw new LabError("bad-file", `${INDEX}: weight_map names no tensor`);
  return fileOf;
}

function gather(shards: readonly Shard[]): Checkpoint {
  const tensors = new Map<string, { info: TensorInfo; source: FileSource }>();
  let totalBytes = 0;
  for (const { source, header } of shards) {
    for (const info of header.tensors.values()) {
      tensors.set(info.name, { info, source });
      totalBytes += info.end - info.begin;
    }
  }
  return {
    tensors,
    shards,
    totalBytes,
    async sha256(signal) {
      const digests: [string, string][] = [];
      for (const { source } of shards) digests.push([source.name, await hashFile(source, signal)]);
      if (digests.length === 1) return digests[0]![1];
      const all = sha256();
      for (const [name, hex] of digests) all.update(new TextEncoder().encode(`${hex}  ${name}\n`));
      return all.hex();
    },
  };
}

/** SHA-256 of a file, read in chunks. */
export async function hashFile(source: FileSource, signal?: AbortSignal): Promise<string> {
  const hash = sha256();
  for (let at = 0; at < source.size; at += HASH_CHUNK_BYTES) {
    hash.update(await source.read(at, Math.min(source.size, at + HASH_CHUNK_BYTES), signal));
  }
  return hash.hex();
}
