/** Can this browser compute? Asked before anything is started, in a fixed order; the engine's `open` asks the rest. */

export type Missing = "secure-context" | "webgpu" | "adapter";

/** The browsers whose owners can be told something useful. */
export type Browser =
  "chrome" | "edge" | "firefox" | "safari" | "ios" | "android" | "firefox-android" | "other";

export interface Capability {
  readonly missing: Missing;
  /** What is wrong, in one plain sentence. */
  readonly what: string;
  /** What to do about it in this browser. */
  readonly advice: string;
}

/** What the check looks at; a page gives `globalThis`. */
export interface Surroundings {
  readonly isSecureContext: boolean;
  readonly navigator: {
    readonly userAgent: string;
    readonly gpu?: { requestAdapter(): Promise<object | null> };
  };
}

/** The browser by its user agent string; only used to word advice. */
export function browserOf(userAgent: string): Browser {
  if (/iPhone|iPad|iPod/.test(userAgent)) return "ios";
  if (/Android/.test(userAgent)) return /Firefox|Fennec/.test(userAgent) ? "firefox-android" : "android";
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Edg\//.test(userAgent)) return "edge";
  if (/Chrom(?:e|ium)\//.test(userAgent)) return "chrome";
  return /Safari\//.test(userAgent) ? "safari" : "other";
}

const withoutWebGpu: Readonly<Record<Browser, string>> = {
  chrome: "Update Chrome to version 113 or later, then open this page again.",
  edge: "Update Edge to version 113 or later, then open this page again.",
  firefox: "Update Firefox to version 141 or later, or open this page in Chrome or Edge.",
  safari: "Update macOS and Safari to version 26 or later, or open this page in Chrome.",
  ios: "Update to iOS or iPadOS 26 or later; every browser on this device uses what the system brings.",
  android: "Update Chrome to version 121 or later, on Android 12 or later.",
  "firefox-android": "Firefox on Android has no WebGPU yet; open this page in Chrome.",
  other: "Open this page in a current Chrome, Edge, Firefox or Safari.",
};

const withoutAdapter: Readonly<Record<Browser, string>> = {
  chrome:
    "Turn on “Use graphics acceleration when available” in Chrome’s settings under System, then restart Chrome; chrome://gpu says more.",
  edge: "Turn on “Use graphics acceleration when available” in Edge’s settings under System, then restart Edge; edge://gpu says more.",
  firefox: "Update the graphics driver, or open this page in Chrome or Edge.",
  safari: "Restart Safari; if that does not help, open this page in Chrome.",
  ios: "Close other tabs and reload; low-power mode can also switch the graphics chip off for pages.",
  android: "Update Chrome and Android; on some phones the graphics driver is too old for WebGPU.",
  "firefox-android": "Open this page in Chrome.",
  other: "Update the graphics driver, or open this page in a current Chrome or Edge.",
};

/** What is missing and what to do, in words for one browser. */
export function explain(missing: Missing, browser: Browser): Capability {
  switch (missing) {
    case "secure-context":
      return {
        missing,
        what: "Browsers lend the graphics chip only to pages that come over a safe connection, and this one did not.",
        advice: "Open this page with https:// in front, or from localhost.",
      };
    case "webgpu":
      return {
        missing,
        what: "This browser has no WebGPU, which Benchtop computes with.",
        advice: withoutWebGpu[browser],
      };
    case "adapter":
      return {
        missing,
        what: "This browser has WebGPU but found no graphics chip it is willing to use.",
        advice: withoutAdapter[browser],
      };
  }
}

/** The first thing that is missing, or null when the engine can be opened. */
export async function checkCapability(place: Surroundings): Promise<Capability | null> {
  const browser = browserOf(place.navigator.userAgent);
  if (!place.isSecureContext) return explain("secure-context", browser);
  const { gpu } = place.navigator;
  if (gpu === undefined || gpu === null) return explain("webgpu", browser);
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter === null ? explain("adapter", browser) : null;
}
