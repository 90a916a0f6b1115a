import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLink, writeLink, type AnyLink } from "./codec.ts";
import { pageIds, pages, type PageId } from "./pages.ts";
import { defaultsOf, parseField, type Field, type Schema } from "./schema.ts";

const valueOf = (field: Field): fc.Arbitrary<string | number> => {
  switch (field.kind) {
    case "integer":
      return fc.integer({ min: field.min, max: field.max });
    case "number":
      return fc.double({ min: field.min, max: field.max, noNaN: true }).map((v) => Number(v.toFixed(6)) + 0);
    case "choice":
      return fc.constantFrom(...field.options);
    case "text":
      return fc.string({ unit: "grapheme", maxLength: 80 });
  }
};

const linkOf = (page: PageId): fc.Arbitrary<AnyLink> => {
  const schema: Schema = pages[page].schema;
  const values = fc.record(
    Object.fromEntries(Object.entries(schema).map(([key, field]) => [key, valueOf(field)])),
  );
  const model = fc.constantFrom("", "bundled:world-m", "file:My model 2.0");
  return fc.record({ page: fc.constant(page), model, values }) as unknown as fc.Arbitrary<AnyLink>;
};

describe("a link", () => {
  test("of the defaults is the bare page", () => {
    for (const page of pageIds) {
      const link = { page, model: "", values: defaultsOf(pages[page].schema) } as unknown as AnyLink;
      expect(writeLink(link)).toBe(`#/${page}`);
    }
  });

  test("holds only what differs, in schema order, and reads well", () => {
    const values = { ...defaultsOf(pages.playground.schema), seed: 7, prompt: "The fog was", temperature: 0 };
    expect(writeLink({ page: "playground", model: "bundled:world-s", values })).toBe(
      "#/playground?v=1&model=bundled:world-s&prompt=The+fog+was&temperature=0&seed=7",
    );
  });

  test("gives back the state it was made from", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pageIds).chain(linkOf), (link) => {
        const hash = writeLink(link);
        expect(readLink(hash)).toEqual({ link, ignored: [] });
        expect(writeLink(readLink(hash).link)).toBe(hash);
      }),
      { numRuns: 400 },
    );
  });

  test("of an empty address opens the playground", () => {
    expect(readLink("").link.page).toBe("playground");
    expect(readLink("").ignored).toEqual([]);
    expect(readLink("#/").ignored).toEqual([]);
  });
});

describe("a value that is not legal", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["temperature=NaN", "temperature=NaN: expected a number from 0 to 2"],
    ["temperature=Infinity", "temperature=Infinity: expected a number from 0 to 2"],
    ["temperature=9", "temperature=9: expected a number from 0 to 2"],
    ["temperature=0x1", "temperature=0x1: expected a number from 0 to 2"],
    ["temperature=", "temperature=: expected a number from 0 to 2"],
    ["topK=1.5", "topK=1.5: expected a whole number from 0 to 200"],
    ["seed=-1", "seed=-1: expected a whole number from 0 to 4294967295"],
    ["__proto__=1", "__proto__: not a setting of this page"],
    ["constructor=1", "constructor: not a setting of this page"],
    ["topK.__proto__.x=1", "topK.__proto__.x: not a setting of this page"],
    ["seed=1&seed=2", "seed=2: given twice, the first is used"],
    ["v=2", "v=2: this page reads links of version 1"],
    ["v=latest", "v=latest: this page reads links of version 1"],
    [
      "model=https://x.example/evil",
      "model=https://x.example/evil: expected a name this page knows how to read",
    ],
    ["model=bundled:../../x", "model=bundled:../../x: expected a name this page knows how to read"],
  ];
  test.each(cases)("%s is reported and the default stays", (query, line) => {
    const { link, ignored } = readLink(`#/playground?${query}`);
    expect(ignored).toEqual([line]);
    const seed = query.startsWith("seed=1&") ? 1 : pages.playground.schema.seed.default;
    expect(link).toEqual({
      page: "playground",
      model: "",
      values: { ...defaultsOf(pages.playground.schema), seed },
    });
  });

  test("markup stays a plain, short text", () => {
    const { ignored } = readLink(
      `#/playground?top_k=${encodeURIComponent("<img src=x onerror=alert(1)>".repeat(9))}&split=<b>`,
    );
    expect(ignored).toEqual(["top_k: not a setting of this page", "split: not a setting of this page"]);
    const long = readLink(`#/playground?topK=${"9".repeat(100_000)}`).ignored[0] ?? "";
    expect(long.length).toBeLessThan(120);
  });

  test("a page nobody knows opens the playground and says so", () => {
    expect(readLink("#/__proto__?seed=3")).toMatchObject({
      link: { page: "playground", values: { seed: 3 } },
      ignored: ["/__proto__: no such page"],
    });
  });

  test("a thousand of them give a short list", () => {
    const { ignored } = readLink(`#/world?${Array.from({ length: 150 }, (_, i) => `k${i}=1`).join("&")}`);
    expect(ignored).toHaveLength(9);
    expect(ignored.at(-1)).toBe("and 142 more");
  });

  test("no address makes the reader throw or pollutes an object", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 120 }), (noise) => {
        const { link } = readLink(`#/attention?${noise}`);
        const schema: Schema = pages[link.page].schema;
        const entries = Object.entries(link.values);
        expect(entries.map(([key]) => key)).toEqual(Object.keys(schema));
        expect(entries.every(([key, value]) => parseField(schema[key]!, String(value)) === value)).toBe(true);
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
