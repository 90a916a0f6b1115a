/**
 * Colour scales, each with one meaning everywhere: amber is surprise, blue is attention, teal is what a layer
 * believes. Lightness falls (light theme) or rises (dark theme) evenly in OKLab, so the order of two values is seen
 * with any kind of colour vision. Source of OKLab: Björn Ottosson, "A perceptual color space for image processing".
 */
export type Shade = "light" | "dark";
export type ScaleName = "surprise" | "attention" | "belief";
export type Rgb = readonly [number, number, number];

type Lch = readonly [lightness: number, chroma: number, hue: number];

const ends: Readonly<Record<ScaleName, Readonly<Record<Shade, readonly [Lch, Lch]>>>> = {
  surprise: {
    light: [
      [0.985, 0.006, 90],
      [0.78, 0.16, 58],
    ],
    dark: [
      [0.225, 0.008, 70],
      [0.5, 0.125, 55],
    ],
  },
  attention: {
    light: [
      [0.985, 0.006, 230],
      [0.33, 0.15, 266],
    ],
    dark: [
      [0.22, 0.03, 266],
      [0.93, 0.06, 210],
    ],
  },
  belief: {
    light: [
      [0.985, 0.006, 180],
      [0.76, 0.1, 180],
    ],
    dark: [
      [0.25, 0.008, 190],
      [0.5, 0.075, 185],
    ],
  },
};

/** Extra chroma in the middle of a scale. */
const bulge: Readonly<Record<ScaleName, number>> = { surprise: 0, attention: 0.06, belief: 0 };

const encode = (linear: number): number => {
  const v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, v)));
};

/** OKLCH (hue in degrees) → sRGB bytes. */
export function lchToRgb([lightness, chroma, hue]: Lch): Rgb {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encode(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** The colour of t in [0, 1] on a scale. */
export function colourAt(name: ScaleName, shade: Shade, t: number): Rgb {
  const [from, to] = ends[name][shade];
  const mix = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * t;
  // A straight way between two pale ends would pass through grey.
  return lchToRgb([mix(0), mix(1) + 4 * bulge[name] * t * (1 - t), mix(2)]);
}

export const css = ([r, g, b]: Rgb): string => `rgb(${r} ${g} ${b})`;

/** [256 · 4] RGBA of a scale: what a picture of many cells looks its colours up in. */
export function table(name: ScaleName, shade: Shade): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i++) rgba.set([...colourAt(name, shade, i / 255), 255], 4 * i);
  return rgba;
}

/** One in a thousand is as surprising as the scale goes. */
const leastProbability = 1e-3;

/** Where a token's log probability lies on the surprise scale: 0 for certain, 1 for one in a thousand and less. */
export const surpriseOf = (logprob: number): number =>
  Math.min(1, Math.max(0, logprob / Math.log(leastProbability)));

/** Where an attention weight lies on its scale: its square root, so that weak attention is seen too. */
export const attentionOf = (weight: number): number => Math.sqrt(Math.min(1, Math.max(0, weight)));

/** The page's own colours for what is drawn on a canvas; the same as in styles/tokens.css, which a test compares. */
export const pageColours: Readonly<
  Record<Shade, { readonly ink: string; readonly quiet: string; readonly line: string }>
> = {
  light: { ink: "#1c1b19", quiet: "#6a665f", line: "#e4e1da" },
  dark: { ink: "#ecebe8", quiet: "#9b9993", line: "#2e3035" },
};

const inks: readonly Rgb[] = [
  [0, 0, 0],
  [255, 255, 255],
];

/** Black or white, whichever is read more easily on a colour: at least √21 ≈ 4.58 of contrast. */
export const inkOn = (colour: Rgb): Rgb =>
  inks.reduce((best, ink) => (contrast(ink, colour) > contrast(best, colour) ? ink : best));

/** Contrast of two colours as WCAG 2 defines it, 1 to 21. */
export function contrast(x: Rgb, y: Rgb): number {
  const luminance = (c: Rgb): number => {
    const [r, g, b] = c.map((v) => (v <= 10.3148 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as [
      number,
      number,
      number,
    ];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(x), luminance(y)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
