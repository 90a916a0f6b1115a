/** A visitor looks at where a real model looks. */
import { expect, test } from "@playwright/test";
import { open, quickLink, slow, untilWritten } from "./page_helpers.ts";

const link = "./#/attention?v=1&model=bundled:world-s&text=Mia+had+a+kite.+Leo+had+a+kite.&layer=1&head=1";

test("a link opens the layer and head it names, and the keyboard reads the map", async ({ page }) => {
  await open(page, link);
  const cell = page.getByText(/ gives .* of its attention to /);
  await expect(cell).toBeVisible(slow);
  await expect(page.getByRole("heading", { name: "Layer 1, head 1" })).toBeVisible();
  await page.getByRole("application", { name: "Attention of layer 1, head 1" }).focus();
  await page.keyboard.press("Home");
  await expect(cell).toContainText(/to .* at 1\.$/);
  const first = await cell.innerText();
  await page.keyboard.press("ArrowUp");
  await expect(cell).not.toHaveText(first);

  await page
    .getByRole("radio", { name: "Layer 0" })
    .or(page.getByRole("radio", { name: "0", exact: true }))
    .first()
    .click();
  await expect(page).toHaveURL(/#\/attention\?(?!.*layer=)/);
  await expect(page.getByRole("heading", { name: "Layer 0, head 1" })).toBeVisible();
  await page.getByRole("radio", { name: /^Head 0,/ }).focus();
  await page.keyboard.press("Space");
  await expect(page.getByRole("heading", { name: "Layer 0, head 0" })).toBeVisible();
  await expect(cell).toBeVisible(slow);
});

test("every figure has its table", async ({ page }) => {
  await open(page, link);
  await expect(page.getByText(/ gives .* of its attention to /)).toBeVisible(slow);
  const buttons = page.getByRole("button", { name: /^Show as table/ });
  const n = await buttons.count();
  expect(n).toBe(5);
  for (let i = 0; i < n; i++) await buttons.nth(i).click();
  await expect(page.getByRole("region", { name: /^Table: / })).toHaveCount(n);
  await expect(page.getByRole("cell").first()).toBeVisible();
});

test("the playground's text is carried over", async ({ page }) => {
  await open(page, quickLink);
  await untilWritten(page);
  await page.getByRole("button", { name: "Look at its attention" }).click();
  await expect(page).toHaveURL(/#\/attention/);
  await expect(page.getByRole("textbox", { name: "Text" })).toHaveValue(/^The fog was/);
  await expect(page.getByText(/ gives .* of its attention to /)).toBeVisible(slow);
  await page.goBack();
  await expect(page.getByRole("textbox", { name: "Prompt" })).toHaveValue("The fog was");
});
