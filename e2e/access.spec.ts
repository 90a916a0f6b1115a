/** Every bench, light and dark, without a finding of axe, and usable on a narrow screen. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { open, quickLink, slow, untilWritten } from "./page_helpers.ts";

const benches = {
  playground: quickLink,
  attention: "./#/attention?v=1&model=bundled:world-s&text=Mia+had+a+kite.",
  world: "./#/world?v=1&model=bundled:world-s",
} as const;

for (const [name, link] of Object.entries(benches)) {
  test(`${name}: axe finds nothing in light and dark, and nothing sticks out of a phone`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme: "light" });
    await open(page, link);
    if (name === "playground") await untilWritten(page);
    if (name === "attention")
      await expect(page.getByText(/ gives .* of its attention to /)).toBeVisible(slow);
    if (name === "world") await expect(page.getByText("The judge is a program")).toBeVisible(slow);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
      expect(found, colorScheme).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await expect
      .poll(() =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
      )
      .toBeLessThanOrEqual(0);
  });
}
