import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { indexPath, modelsIndex } from "./index_models.mjs";

test("the list of bundled models is that of the models there are", () => {
  expect(readFileSync(indexPath, "utf8")).toBe(modelsIndex());
});
