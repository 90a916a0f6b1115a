import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ScoredToken } from "../../lab/protocol.ts";
import { expectClose, float64, printed } from "../../lib/testing/close.ts";
import {
  attentionOf,
  colourAt,
  contrast,
  css,
  inkOn,
  lchToRgb,
  pageColours,
  surpriseOf,
  table,
  type Rgb,
  type ScaleName,
  type Shade,
} from "./colour.ts";
import { count, decimal, megabytes, percent, spoken, visible } from "./format.ts";
import { funnel, pathOf, widestEntropy } from "./funnel.ts";
import { lensCellAt, lensWindow, moveLens } from "./lens.ts";
import { cellAt, headOf, labelStep, moveCell, paint, poolMax, strongest } from "./pattern.ts";
import { csv } from "./save.ts";
import { linear, ticks } from "./scale.ts";
import { mostSurprising, surpriseBars } from "./surprise.ts";

const ink: Readonly<Record<Shade, Rgb>> = { light: [28, 27, 25], dark: [236, 235, 232] };
const scales: readonly ScaleName[] = ["surprise", "attention", "belief"];
const token = (p: number | null): ScoredToken => ({
  id: 0,
  piece: "x",
  logprob: p === null ? null : Math.log(p),
  runnersUp: [],
});

describe("colour", () => {
  test("known points of OKLCH: white, black, and sRGB red (0.628, 0.2577, 29.23°)", () => {
    expect(lchToRgb([1, 0, 0])).toEqual([255, 255, 255]);
    expect(lchToRgb([0, 0, 0])).toEqual([0, 0, 0]);
    expect(lchToRgb([0.62796, 0.25768, 29.2339])).toEqual([255, 0, 0]);
  });

  test("text stays readable on every colour that is laid behind it", () => {
    for (const shade of ["light", "dark"] as const) {
      for (const name of ["surprise", "belief"] as const) {
        for (let i = 0; i <= 20; i++)
          expect(contrast(colourAt(name, shade, i / 20), ink[shade])).toBeGreaterThan(4.5);
      }
    }
    for (const shade of ["light", "dark"] as const) {
      for (let i = 0; i <= 50; i++) {
        const colour = colourAt("attention", shade, i / 50);
        expect(contrast(inkOn(colour), colour)).toBeGreaterThan(4.5);
      }
    }
    expectClose(contrast([0, 0, 0], [255, 255, 255]), 21, float64(8, 21));
  });

  test("lightness runs one way, so the order is seen without hue", () => {
    for (const name of scales) {
      for (const shade of ["light", "dark"] as const) {
        const steps = Array.from({ length: 11 }, (_, i) =>
          contrast(colourAt(name, shade, i / 10), shade === "light" ? [0, 0, 0] : [255, 255, 255]),
        );
        for (let i = 1; i < steps.length; i++) expect(steps[i]!).toBeLessThan(steps[i - 1]!);
      }
    }
  });

  test("positions on the scales", () => {
    expectClose(surpriseOf(0), 0, 0);
    expectClose(surpriseOf(Math.log(0.1)), 1 / 3, float64(4, 1));
    expect(surpriseOf(Math.log(1e-9))).toBe(1);
    expect(attentionOf(0.25)).toBe(0.5);
    expect(attentionOf(-1)).toBe(0);
    expect(Array.from(table("attention", "light").subarray(0, 3))).toEqual(colourAt("attention", "light", 0));
    expect(css([1, 2, 3])).toBe("rgb(1 2 3)");
  });
});

describe("canvas colours", () => {
  test("are those of the style sheet", () => {
    const sheet = readFileSync(new URL("../styles/tokens.css", import.meta.url), "utf8");
    const [light = "", dark = ""] = sheet.split(':root[data-theme="dark"]');
    for (const [shade, text] of [
      ["light", light],
      ["dark", dark],
    ] as const) {
      expect(text).toContain(`--ink: ${pageColours[shade].ink};`);
      expect(text).toContain(`--ink-3: ${pageColours[shade].quiet};`);
      expect(text).toContain(`--line: ${pageColours[shade].line};`);
    }
  });
});

describe("numbers in words", () => {
  test.each([
    [1, "100 %"],
    [0.99999, "over 99.9 %"],
    [0.997, "99.7 %"],
    [0.5, "50 %"],
    [0.034, "3.4 %"],
    [0.0008, "0.08 %"],
    [1e-9, "under 0.01 %"],
    [0, "0 %"],
  ])("%d is %s", (p, text) => expect(percent(p)).toBe(text));

  test("sizes, counts and tokens", () => {
    expect([megabytes(3_800_000), megabytes(120e6), megabytes(840_000)]).toEqual([
      "3.8 MB",
      "120 MB",
      "840 kB",
    ]);
    expect([count(1_900_000), count(420_000), count(360), count(1.1e9), count(135e6)]).toEqual([
      "1.9 M",
      "420 k",
      "360",
      "1.1 B",
      "135 M",
    ]);
    expect([visible(" a"), visible("\n"), visible("")]).toEqual(["␣a", "↵", "∅"]);
    expect([spoken(" a"), spoken("\n"), spoken(" "), spoken("")]).toEqual([
      "“a”",
      "line end",
      "space",
      "empty token",
    ]);
    expect([decimal(1.005, 1), decimal(Infinity)]).toEqual(["1.0", "–"]);
  });
});

describe("scales", () => {
  test("a line, and a domain of one point", () => {
    const y = linear([0, 4], [100, 20]);
    expect([y(0), y(1), y(4)]).toEqual([100, 80, 20]);
    expect(linear([2, 2], [0, 10])(2)).toBe(5);
  });
  test("round ticks", () => {
    expect(ticks(4.3)).toEqual([0, 2, 4]);
    expect(ticks(1)).toEqual([0, 0.5, 1]);
    expect(ticks(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(0)).toEqual([0]);
    expect(ticks(NaN)).toEqual([0]);
  });
});

describe("the funnel", () => {
  const frame = { width: 100, height: 60, left: 20, right: 0, top: 10, bottom: 10 };
  test("two layers of two heads, by hand", () => {
    const { dots, mean, yTicks } = funnel(new Float32Array([0, 4, 2, 2]), 2, 2, 4, frame);
    // Layers stand at 40 and 80; heads a sixth of 40 to either side; 4 nats are 40 high.
    expect(mean.map(({ x, y }) => [x, y])).toEqual([
      [40, 30],
      [80, 30],
    ]);
    expect(dots.map(({ y }) => y)).toEqual([50, 10, 30, 30]);
    expectClose(dots[0]!.x, 40 - 20 / 3, float64(8, 100));
    expectClose(dots[1]!.x, 40 + 20 / 3, float64(8, 100));
    expect(yTicks).toEqual([0, 1, 2, 3, 4]);
    expect(pathOf(mean)).toBe("M40.0 30.0L80.0 30.0");
  });
  test("the widest entropy of 3 tokens is (0 + ln 2 + ln 3)/3", () => {
    expectClose(widestEntropy(3), 0.59725, printed(5));
    expect(widestEntropy(0)).toBe(0);
  });
});

describe("attention maps", () => {
  // Two heads of three tokens.
  const pattern = new Float32Array([1, 0, 0, 0.25, 0.75, 0, 0, 0.36, 0.64, 1, 0, 0, 0, 1, 0, 0, 0, 1]);

  test("a head is a view", () => {
    const head = headOf(pattern, 3, 1);
    expect([...head]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(head.buffer).toBe(pattern.buffer);
  });

  test("colours by the square root, and nothing above the diagonal", () => {
    const colours = new Uint8ClampedArray(1024).map((_, i) => (i % 4 === 0 ? i / 4 : 0));
    const rgba = paint(headOf(pattern, 3, 0), 3, colours);
    const cell = (q: number, k: number) => [rgba[4 * (3 * q + k)], rgba[4 * (3 * q + k) + 3]];
    expect(cell(0, 0)).toEqual([255, 255]);
    expect(cell(1, 0)).toEqual([128, 255]);
    expect(cell(2, 1)).toEqual([153, 255]);
    expect(cell(0, 1)).toEqual([0, 0]);
  });

  test("a small picture keeps the largest weight of each block", () => {
    const weights = new Float32Array([1, 0, 0, 0, 0.5, 0.5, 0, 0, 0.1, 0.2, 0.7, 0, 0.3, 0, 0.4, 0.3]);
    const { side, weights: pooled } = poolMax(weights, 4, 2);
    expect(side).toBe(2);
    expect([...pooled].map((w) => Number(w.toFixed(2)))).toEqual([1, 0, 0.3, 0.7]);
    expect(poolMax(weights, 4, 8).weights).toBe(weights);
  });

  test("cells under the pointer and under the arrow keys stay in the triangle", () => {
    expect(cellAt(0, 99, 100, 10)).toEqual({ query: 9, key: 0 });
    expect(cellAt(50, 50, 100, 10)).toEqual({ query: 5, key: 5 });
    expect(cellAt(60, 50, 100, 10)).toBeNull();
    expect(cellAt(-1, 50, 100, 10)).toBeNull();
    expect(cellAt(0, 100, 100, 10)).toBeNull();
    expect(moveCell({ query: 3, key: 3 }, "ArrowUp", 5)).toEqual({ query: 2, key: 2 });
    expect(moveCell({ query: 0, key: 0 }, "ArrowUp", 5)).toEqual({ query: 0, key: 0 });
    expect(moveCell({ query: 3, key: 3 }, "ArrowRight", 5)).toEqual({ query: 3, key: 3 });
    expect(moveCell({ query: 3, key: 1 }, "x", 5)).toBeNull();
    const presses = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.constantFrom(...presses)), (n, path) => {
        let cell = { query: 0, key: 0 };
        for (const press of path) cell = moveCell(cell, press, n) ?? cell;
        expect(cell.key >= 0 && cell.key <= cell.query && cell.query < n).toBe(true);
      }),
    );
  });

  test("labels thin out, and the strongest come first", () => {
    expect(labelStep(20, 14)).toBe(1);
    expect(labelStep(5, 14)).toBe(3);
    expect(strongest(new Float32Array([0.25, 0.5, 0.25]), 2)).toEqual([
      { key: 1, weight: 0.5 },
      { key: 0, weight: 0.25 },
    ]);
  });
});

describe("surprise", () => {
  test("bars: ln 2 of ln 4 fills half, more than the top is cut, no probability no bar", () => {
    const bars = surpriseBars([token(null), token(1 / 2), token(1 / 100)], 30, 20, Math.log(4));
    expect(bars.map(({ index, x, width }) => [index, x, width])).toEqual([
      [1, 10, 9],
      [2, 20, 9],
    ]);
    expectClose(bars[0]!.height, 10, float64(4, 10));
    expect(bars[1]!.height).toBe(20);
    expect(mostSurprising([token(null), token(1 / 2), token(1 / 100)])).toBe(2);
    expect(mostSurprising([token(null)])).toBe(-1);
  });
});

describe("the lens", () => {
  test("draws only what is on the screen", () => {
    expect(lensWindow(0, 760, 512)).toEqual({ from: 0, to: 10 });
    expect(lensWindow(100, 760, 512)).toEqual({ from: 1, to: 12 });
    expect(lensWindow(0, 760, 3)).toEqual({ from: 0, to: 3 });
  });
  test("the model's answer is on top", () => {
    expect(lensCellAt(80, 5, 4, 9)).toEqual({ depth: 3, position: 1 });
    expect(lensCellAt(0, 103, 4, 9)).toEqual({ depth: 0, position: 0 });
    expect(lensCellAt(0, 104, 4, 9)).toBeNull();
    expect(moveLens({ depth: 3, position: 8 }, "ArrowUp", 4, 9)).toEqual({ depth: 3, position: 8 });
    expect(moveLens({ depth: 3, position: 8 }, "ArrowDown", 4, 9)).toEqual({ depth: 2, position: 8 });
    expect(moveLens({ depth: 3, position: 8 }, "Home", 4, 9)).toEqual({ depth: 3, position: 0 });
    expect(moveLens({ depth: 3, position: 8 }, "q", 4, 9)).toBeNull();
  });
});

describe("tables as files", () => {
  test("quotes what needs it and disarms formulas", () => {
    expect(
      csv([
        { token: 'a "b"', p: 0.5 },
        { token: "=1+1", p: null },
        { token: "x\ny,z", p: -1 },
      ]),
    ).toBe('token,p\r\n"a ""b""",0.5\r\n\'=1+1,\r\n"x\ny,z",-1\r\n');
    expect(csv([])).toBe("\r\n");
  });
});
