import { describe, expect, test, vi } from "vitest";
import { browserOf, checkCapability, explain, type Browser } from "./capability.ts";

const chrome =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36";
const agents: readonly (readonly [Browser, string])[] = [
  ["chrome", chrome],
  ["edge", `${chrome} Edg/143.0.0.0`],
  ["firefox", "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0"],
  [
    "safari",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15",
  ],
  [
    "ios",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0 Mobile Safari/604.1",
  ],
  [
    "android",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
  ],
  ["firefox-android", "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"],
  ["other", "curl/8"],
];

describe("the capability check", () => {
  test.each(agents)("knows %s", (browser, agent) => expect(browserOf(agent)).toBe(browser));

  test("asks in order and stops at the first thing missing", async () => {
    const requestAdapter = vi.fn<() => Promise<object | null>>().mockResolvedValue(null);
    const navigator = { userAgent: chrome, gpu: { requestAdapter } };
    expect(await checkCapability({ isSecureContext: false, navigator })).toMatchObject({
      missing: "secure-context",
    });
    expect(requestAdapter).not.toHaveBeenCalled();
    expect(await checkCapability({ isSecureContext: true, navigator: { userAgent: chrome } })).toMatchObject({
      missing: "webgpu",
    });
    expect(await checkCapability({ isSecureContext: true, navigator })).toMatchObject({ missing: "adapter" });
    requestAdapter.mockRejectedValue(new Error("no"));
    expect(await checkCapability({ isSecureContext: true, navigator })).toMatchObject({ missing: "adapter" });
    requestAdapter.mockResolvedValue({});
    expect(await checkCapability({ isSecureContext: true, navigator })).toBeNull();
  });

  test("has a plain sentence with something to do for every browser", () => {
    for (const missing of ["secure-context", "webgpu", "adapter"] as const) {
      for (const [browser] of agents) {
        const { what, advice } = explain(missing, browser);
        expect(what).toMatch(/^[A-Z].*\.$/);
        expect(advice).toMatch(/^[A-Z].*\.$/);
      }
    }
  });
});
