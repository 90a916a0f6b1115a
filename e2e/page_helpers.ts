import { expect, type Locator, type Page } from "@playwright/test";

/** A software adapter compiles its shaders and reads a model slowly; a first figure may take this long. */
export const slow = { timeout: 150_000 } as const;

/** A short text of the small model: quick on any adapter. */
export const quickLink = "./#/playground?v=1&model=bundled:world-s&prompt=The+fog+was&maxNewTokens=12&seed=5";

/** The tokens a model has written, as a list one can move through. */
export const written = (page: Page): Locator => page.getByRole("listbox", { name: /^world-[ms] went on/ });

/** Waits until a model has written and ended. */
export async function untilWritten(page: Page): Promise<void> {
  await expect(
    page.getByText(/ended here by itself|Stopped at the length|Stopped by you/).first(),
  ).toBeVisible(slow);
}

/** Opens a link that may differ from the one on screen only behind the "#". */
export async function open(page: Page, link: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(link);
}
