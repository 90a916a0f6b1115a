/** Broken or hostile weights: safetensors files and their index, each kind with the error it must give. */
import { openCheckpoint, readIndex } from "./checkpoint.ts";
import { readHeader } from "./safetensors.ts";
import { memorySource, readText } from "./source.ts";
import { folderOf, rawSafetensors, safetensorsSource } from "./testing/files.ts";
import { type Kind, describeHostile } from "./testing/hostile.ts";

const tensor = (dtype: string, shape: string, begin: number | string, end: number | string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
const header =
  (text: string, dataBytes = 0, declared?: bigint) =>
  () =>
    readHeader(safetensorsSource(text, dataBytes, declared));

const safetensors: Kind[] = [
  [
    "empty",
    () => readHeader(memorySource("t", new Uint8Array(0))),
    "bad-file",
    "0 bytes; a safetensors file has",
  ],
  [
    "shorter than its length",
    () => readHeader(memorySource("t", new Uint8Array(7))),
    "bad-file",
    "7 bytes; a",
  ],
  ["header of 2⁶³ bytes", header("{}", 0, 1n << 63n), "bad-file", "9223372036854775808 bytes is declared"],
  [
    "header just over the limit",
    header("{}", 0, 100_000_001n),
    "bad-file",
    "100000001 bytes is declared, more",
  ],
  [
    "header past the end",
    header("{}", 0, 3n),
    "bad-file",
    "a header of 3 bytes is declared, the file ends after 2",
  ],
  ["no header", header(""), "bad-file", "the header is empty"],
  ["byte order mark", header("\ufeff{}"), "bad-file", "begins with byte 239"],
  ["array for a header", header("[]"), "bad-file", 'begins with byte 91, not with "{"'],
  [
    "header not UTF-8",
    () => readHeader(safetensorsSource(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))),
    "bad-file",
    "the header is not valid UTF-8",
  ],
  ["header cut short", header('{"w":'), "bad-file", "Unexpected end of JSON input"],
  ["text after the header", header("{} {}"), "bad-file", "after JSON at position 3"],
  [
    "tensor given twice",
    header(`{"w":${tensor("U8", "[0]", 0, 0)},"w":${tensor("U8", "[0]", 0, 0)}}`),
    "bad-file",
    'the key "w" is given twice',
  ],
  [
    "tensor twice, once escaped",
    header(`{"v":${tensor("U8", "[0]", 0, 0)},"\\u0076":1}`),
    "bad-file",
    'key "\\u0076" is given twice',
  ],
  [
    "dtype given twice",
    header('{"w":{"dtype":"F32","dtype":"F16","shape":[0],"data_offsets":[0,0]}}'),
    "bad-file",
    'key "dtype" is given twice',
  ],
  [
    "half a surrogate in a name",
    header(`{"\\ud800":${tensor("U8", "[0]", 0, 0)}}`),
    "bad-file",
    "half a surrogate pair",
  ],
  [
    "nested a million deep",
    header(`{"w":${"[".repeat(1_000_000)}`),
    "bad-file",
    "header: nested deeper than 8",
  ],
  ["tensor that is a number", header('{"w":1}'), "bad-file", 'tensor "w" is 1, not an object'],
  ["unknown dtype", header(`{"w":${tensor("F33", "[1]", 0, 4)}}`, 4), "bad-file", 'the unknown dtype "F33"'],
  [
    "dtype from the prototype",
    header(`{"w":${tensor("toString", "[1]", 0, 4)}}`, 4),
    "bad-file",
    'unknown dtype "toString"',
  ],
  ["no shape", header('{"w":{"dtype":"U8","data_offsets":[0,0]}}'), "bad-file", "as shape nothing"],
  [
    "negative extent",
    header(`{"w":${tensor("U8", "[-1]", 0, 1)}}`, 1),
    "bad-file",
    "the number -1 is not a whole",
  ],
  [
    "fractional extent",
    header(`{"w":${tensor("U8", "[1.5]", 0, 1)}}`, 1),
    "bad-file",
    "the number 1.5 is not",
  ],
  [
    "extent with exponent",
    header(`{"w":${tensor("U8", "[1e0]", 0, 1)}}`, 1),
    "bad-file",
    "the number 1e0 is not",
  ],
  [
    "extent as text",
    header(`{"w":${tensor("U8", '["1"]', 0, 1)}}`, 1),
    "bad-file",
    'the extent "1" in its shape',
  ],
  [
    "extent beyond 2⁵³",
    header(`{"w":${tensor("U8", "[9007199254740993]", 0, 1)}}`, 1),
    "bad-file",
    "extent 9007199254740992",
  ],
  [
    "product beyond 2⁵³",
    header(`{"w":${tensor("U8", "[94906267,94906267]", 0, 1)}}`, 1),
    "bad-file",
    "[94906267,94906267] that overflows",
  ],
  [
    "product that wraps to 1",
    header(`{"w":${tensor("U8", "[4294967297,4294967297]", 0, 1)}}`, 1),
    "bad-file",
    "[4294967297,4294967297] that overflows",
  ],
  [
    "one offset",
    header('{"w":{"dtype":"U8","shape":[0],"data_offsets":[0]}}'),
    "bad-file",
    "data_offsets an array of 1",
  ],
  [
    "offset that is text",
    header(`{"w":${tensor("U8", "[1]", '"0"', 1)}}`, 1),
    "bad-file",
    'the offsets "0" and 1',
  ],
  [
    "end before begin",
    header(`{"w":${tensor("U8", "[1]", 1, 0)}}`, 1),
    "bad-file",
    "begins at 1, after its end at 0",
  ],
  [
    "too few bytes for the shape",
    header(`{"w":${tensor("F32", "[2,3]", 0, 16)}}`, 16),
    "bad-file",
    "F32 [2,3], takes 24 bytes; its offsets span 16",
  ],
  [
    "sub-byte type with a rest",
    header(`{"w":${tensor("F4", "[3]", 0, 1)}}`, 1),
    "bad-file",
    "does not fill whole bytes",
  ],
  [
    "data not at 0",
    header(`{"w":${tensor("F32", "[4]", 4, 20)}}`, 20),
    "bad-file",
    'a gap of 4 bytes lies before tensor "w"',
  ],
  [
    "gap",
    header(`{"a":${tensor("U8", "[1]", 0, 1)},"b":${tensor("U8", "[1]", 2, 3)}}`, 3),
    "bad-file",
    'a gap of 1 bytes lies before tensor "b"',
  ],
  [
    "overlap",
    header(`{"a":${tensor("U8", "[2]", 0, 2)},"b":${tensor("U8", "[2]", 1, 3)}}`, 3),
    "bad-file",
    "overlaps the tensor before it by 1 bytes",
  ],
  [
    "two tensors in one place",
    header(`{"a":${tensor("U8", "[2]", 0, 2)},"b":${tensor("U8", "[2]", 0, 2)}}`, 2),
    "bad-file",
    "overlaps the tensor before it by 2 bytes",
  ],
  [
    "empty tensor inside another",
    header(`{"a":${tensor("U8", "[8]", 0, 8)},"e":${tensor("U8", "[0]", 3, 3)}}`, 8),
    "bad-file",
    'tensor "e" overlaps the tensor',
  ],
  [
    "bytes after the last tensor",
    header(`{"w":${tensor("U8", "[1]", 0, 1)}}`, 4),
    "bad-file",
    "3 bytes follow the last tensor",
  ],
  ["bytes and no tensor", header("{}", 5), "bad-file", "5 bytes follow the last tensor"],
  ["cut short", header(`{"w":${tensor("U8", "[9]", 0, 9)}}`, 3), "bad-file", "it is cut short"],
  ["metadata that is a list", header('{"__metadata__":[]}'), "bad-file", "__metadata__ is an array of 0"],
  [
    "metadata that is no text",
    header('{"__metadata__":{"a":1}}'),
    "bad-file",
    '__metadata__ "a" is 1, not text',
  ],
];

const one = rawSafetensors(`{"a":${tensor("U8", "[1]", 0, 1)}}`, new Uint8Array(1));
const both = rawSafetensors(
  `{"a":${tensor("U8", "[1]", 0, 1)},"b":${tensor("U8", "[1]", 1, 2)}}`,
  new Uint8Array(2),
);
const index =
  (text: string, files: Record<string, Uint8Array> = {}) =>
  () =>
    openCheckpoint(folderOf({ "model.safetensors.index.json": text, ...files }));
const map = (entries: string): string => `{"metadata":{"total_size":1},"weight_map":${entries}}`;

const indexes: Kind[] = [
  ["not JSON", index("{"), "bad-file", "model.safetensors.index.json: not valid JSON"],
  [
    "not UTF-8",
    () => openCheckpoint(folderOf({ "model.safetensors.index.json": Uint8Array.of(0xc0) })),
    "bad-file",
    "index.json: not valid UTF-8 text",
  ],
  ["no weight_map", index("{}"), "bad-file", "weight_map is nothing"],
  ["weight_map that is a list", index(map("[]")), "bad-file", "weight_map is an array of 0"],
  ["empty weight_map", index(map("{}")), "bad-file", "weight_map names no tensor"],
  ["file that is a number", index(map('{"a":7}')), "bad-file", '"a" is mapped to 7'],
  [
    "path upwards",
    () => readIndex(map('{"a":"../../x.safetensors"}')),
    "bad-file",
    'the file name "../../x.safetensors" is not a plain',
  ],
  [
    "absolute path",
    index(map('{"a":"/x.safetensors"}')),
    "bad-file",
    'the file name "/x.safetensors" is not a plain',
  ],
  [
    "Windows path",
    index(map('{"a":"c:\\\\x.safetensors"}')),
    "bad-file",
    'the file name "c:\\\\x.safetensors" is not a plain',
  ],
  [
    "file of another kind",
    index(map('{"a":"weights.bin"}')),
    "bad-file",
    '"weights.bin" is not a .safetensors file',
  ],
  [
    "tensor mapped twice",
    index(map('{"a":"x.safetensors","a":"y.safetensors"}')),
    "bad-file",
    'index.json: the key "a" is given twice',
  ],
  [
    "shard that is not there",
    index(map('{"a":"x.safetensors"}')),
    "bad-file",
    "the file x.safetensors is not here",
  ],
  [
    "shard without its tensor",
    index(map('{"a":"x.safetensors","c":"x.safetensors"}'), { "x.safetensors": one }),
    "bad-file",
    '"c" should be in x.safetensors, which lacks it',
  ],
  [
    "shard with a tensor nobody mapped",
    index(map('{"a":"x.safetensors"}'), { "x.safetensors": both }),
    "bad-file",
    'holds "b", which the index puts nowhere',
  ],
  [
    "tensor in two shards",
    index(map('{"a":"x.safetensors","b":"y.safetensors"}'), { "x.safetensors": both, "y.safetensors": both }),
    "bad-file",
    'holds "b", which the index puts in y.safetensors',
  ],
  [
    "shard that is broken",
    index(map('{"a":"x.safetensors"}'), { "x.safetensors": one.subarray(0, 9) }),
    "bad-file",
    "x.safetensors: a header of",
  ],
  [
    "no weights at all",
    () => openCheckpoint(folderOf({ "config.json": "{}" })),
    "not-found",
    "no model.safetensors here",
  ],
  [
    "several weights, no index",
    () => openCheckpoint(folderOf({ "a.safetensors": one, "b.safetensors": one })),
    "not-found",
    "2 .safetensors files, but neither",
  ],
  [
    "text far too long",
    () => readText({ ...memorySource("i.json", one), size: 1e9 }, 100),
    "bad-file",
    "1000000000 bytes, more than the 100 allowed",
  ],
];

describeHostile("safetensors", safetensors);
describeHostile("indexes", indexes);
