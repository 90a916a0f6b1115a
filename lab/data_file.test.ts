import { describe, expect, test } from "vitest";
import { LabError } from "../lib/errors.ts";
import { parseDataFile, toSequences, type Vocabulary } from "./data_file.ts";

const read = (text: string, name = "batch.jsonl") => parseDataFile(text, name);
const words: Vocabulary = { dVocab: 10, nCtx: 6, encode: (text) => [...text].map(Number) };
const sequences = (text: string, name?: string) =>
  toSequences(read(text, name).examples, words).map(({ ids, mask }) => [Array.from(ids), Array.from(mask)]);

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    expect((error as LabError).code).toBe("bad-file");
    return (error as LabError).message;
  }
  throw new Error("expected a refusal");
};

describe("what a data file may be", () => {
  test("JSON lines, with either form and blank lines between", () => {
    const text = '{"tokens":[1,2,3],"mask":[0,0,1]}\r\n\n  {"prompt":[4,5],"completion":"67"}\n';
    expect(sequences(text)).toEqual([
      [[1, 2, 3], [0, 0, 1]],
      [[4, 5, 6, 7], [0, 0, 1, 1]],
    ]);
    expect(sequences(text, "batch.txt")).toEqual(sequences(text));
    expect(sequences(`\uFEFF${text}`)).toEqual(sequences(text));
  });

  test("JSON with examples and gradient entries, on one line or several, whatever its name", () => {
    const json = { examples: [{ prompt: "1", completion: "2" }], gradEntries: { "model.norm.weight": [0, 3], b: [] } };
    for (const text of [JSON.stringify(json), JSON.stringify(json, null, 2)]) {
      const { examples, gradEntries } = read(text, "batch");
      expect(examples).toHaveLength(1);
      expect([...gradEntries]).toEqual([["model.norm.weight", [0, 3]], ["b", []]]);
    }
  });

  test("one line of JSON lines is an example, not a file of examples", () => {
    expect(sequences('{"prompt":"1","completion":"2"}', "batch.json")).toEqual([[[1, 2], [0, 1]]]);
  });

  test("prompt and completion are two texts: each is encoded by itself and nothing is added", () => {
    const seen: string[] = [];
    const encode = (text: string): number[] => {
      seen.push(text);
      return [text.length];
    };
    const { examples } = read('{"prompt":"a b","completion":" c"}');
    const [only] = toSequences(examples, { dVocab: 10, nCtx: 9, encode });
    expect(seen).toEqual(["a b", " c"]);
    expect(only).toEqual({ ids: [3, 2], mask: [0, 1] });
  });

  test("after an empty prompt the first token of the completion is no target", () => {
    expect(sequences('{"prompt":"","completion":"123"}')).toEqual([[[1, 2, 3], [0, 1, 1]]]);
  });
});

describe("hostile lines, each with its own message", () => {
  test.each([
    ["", "is empty"],
    [" \n\t\n", "is empty"],
    ["[1,2]", "line 1 is an array of 2, expected an object"],
    ["null", "line 1 is null, expected an object"],
    ["{}", 'line 1 has neither "tokens" and "mask" nor "prompt" and "completion"'],
    ["{bad", "line 1: not valid JSON"],
    ['{"prompt":"1","completion":"2"}\n{"prompt":', "line 2: not valid JSON"],
    ['{"tokens":[1],"tokens":[2]}', 'line 1: the key "tokens" is given twice'],
    [`{"tokens":${"[".repeat(99)}${"]".repeat(99)}}`, "line 1"],
    ['{"tokens":[1,2]}', '"mask" is nothing, expected an array of 0 and 1'],
    ['{"tokens":"12","mask":[0,1]}', '"tokens" is "12", expected an array of ids'],
    ['{"tokens":[],"mask":[]}', '"tokens" is empty'],
    ['{"tokens":[1,2],"mask":[0]}', '"mask" has 1 entries for 2 tokens'],
    ['{"tokens":[1,2],"mask":[0,2]}', '"mask" holds 2 at 1, expected 0 or 1'],
    ['{"tokens":[1,2],"mask":[false,true]}', '"mask" holds false at 0, expected 0 or 1'],
    ['{"tokens":[1,2],"mask":[1,1]}', '"mask" is 1 at the first position'],
    ['{"tokens":[1,-2],"mask":[0,1]}', '"tokens" holds -2, expected a whole id from 0 on'],
    ['{"tokens":[1,2.5],"mask":[0,1]}', '"tokens" holds 2.5, expected a whole id from 0 on'],
    ['{"tokens":[1,1e400],"mask":[0,1]}', '"tokens" holds Infinity, expected a whole id from 0 on'],
    ['{"tokens":[1,"2"],"mask":[0,1]}', '"tokens" holds "2", expected a whole id from 0 on'],
    ['{"tokens":[1,null],"mask":[0,1]}', '"tokens" holds null, expected a whole id from 0 on'],
    ['{"tokens":[1,2],"mask":[0,1],"weight":2}', 'has the unknown key "weight"; known are tokens, mask'],
    ['{"tokens":[1,2],"mask":[0,1],"prompt":"1"}', 'has both "tokens" and "prompt" or "completion"'],
    ['{"prompt":"1"}', '"completion" is missing'],
    ['{"completion":"1"}', '"prompt" is missing'],
    ['{"prompt":"1","completion":""}', '"completion" is empty'],
    ['{"prompt":"1","completion":[]}', '"completion" is empty'],
    ['{"prompt":1,"completion":"2"}', '"prompt" is 1, expected a text or an array of ids'],
    ['{"prompt":"1","completion":"\\ud800"}', '"completion" holds half a surrogate pair'],
    ['{"prompt":"1","completion":"2","__proto__":{}}', 'has the unknown key "__proto__"'],
    ['{"prompt":"1","chosen":"2","rejected":"3"}', "as preference losses read them"],
    ['{"text":"1","label":"2"}', "as classification reads it"],
    ['{"prompt":"1","completion":"2"}\n[]', "line 2 is an array of 0, expected an object"],
  ])("%s", (text, message) => {
    expect(refusal(() => read(text))).toContain(message);
  });
});

describe("hostile files of examples, each with its own message", () => {
  test.each([
    ["[]", "is an array of 0, expected"],
    ["3", "is 3, expected an object"],
    ['{"examples":{}}', '"examples" is an object, expected an array'],
    ['{"examples":[]}', '"examples" is an empty array'],
    ['{"examples":[{}],"more":1}', 'has the unknown key "more"; known are examples, gradEntries'],
    ['{"examples":[{}]}', 'example 0 has neither "tokens"'],
    ['{"examples":[{"prompt":"1","completion":"2"},7]}', "example 1 is 7, expected an object"],
    ['{"examples":[{"prompt":"1","completion":"2"}],"gradEntries":[]}', '"gradEntries" is an array of 0, expected an object of arrays'],
    ['{"examples":[{"prompt":"1","completion":"2"}],"gradEntries":{"w":3}}', '"gradEntries" of w is 3, expected an array'],
    ['{"examples":[{"prompt":"1","completion":"2"}],"gradEntries":{"w":[0.5]}}', '"gradEntries" of w holds 0.5, expected a whole index'],
    ['{"examples":[{"prompt":"1","completion":"2"}],"gradEntries":{"w":[-1]}}', '"gradEntries" of w holds -1, expected a whole index'],
    ['{"examples":[\n', "not valid JSON"],
    ['{\n"examples":[{"prompt":"1","completion":"2"}]\n', "not valid JSON"],
  ])("%s", (text, message) => {
    expect(refusal(() => read(text, "batch.json"))).toContain(message);
  });
});

describe("examples that do not fit the model", () => {
  test.each([
    ['{"tokens":[1,10],"mask":[0,1]}', "line 1 holds the id 10; the model's vocabulary has 10"],
    ['{"tokens":[1,2,3,4,5,6,7],"mask":[0,0,0,0,0,0,1]}', "line 1 is 7 tokens long; the model's context is 6"],
    ['{"prompt":"1234","completion":"567"}', "line 1 is 7 tokens long; the model's context is 6"],
    ['{"tokens":[1,2],"mask":[0,0]}', "line 1 has no target"],
    ['{"prompt":"","completion":"1"}', "line 1 has no target"],
  ])("%s", (text, message) => {
    expect(refusal(() => sequences(text))).toContain(message);
  });

  test("text for a model without words", () => {
    const encode = (): number[] => {
      throw new LabError("not-found", "no words");
    };
    const { examples } = read('{"prompt":"a","completion":[1]}');
    expect(() => toSequences(examples, { ...words, encode })).toThrow("no words");
  });
});
