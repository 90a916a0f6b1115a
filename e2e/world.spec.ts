/** The toy world's data can be read, judged and tried. */
import { expect, test } from "@playwright/test";
import { open, slow, untilWritten } from "./page_helpers.ts";

test("an example is the same for everybody, and the judge marks an answer", async ({ page }) => {
  await open(page, "./#/world?v=1&task=addition&index=3");
  const prompt = page.getByRole("region", { name: "Prompt" }).getByRole("paragraph").first();
  await expect(prompt).toBeVisible();
  const text = await prompt.innerText();
  const answer = page.getByRole("textbox", { name: "Your answer" });
  await answer.fill("So 1+1=3.");
  await expect(page.getByText(/^Wrong\./)).toBeVisible();
  await page.getByRole("button", { name: "Fill in the right answer" }).click();
  await expect(page.getByText(/^Right\./)).toBeVisible();

  await page.getByRole("button", { name: "Next example" }).click();
  await expect(page).toHaveURL(/index=4/);
  await expect(prompt).not.toHaveText(text);
  await page.getByRole("button", { name: "Example before" }).click();
  await expect(prompt).toHaveText(text);
});

test("an example is tried in the playground and judged here", async ({ page }) => {
  await open(page, "./#/world?v=1&model=bundled:world-s&task=sentiment");
  await expect(page.getByRole("button", { name: /^Model: world-s/ })).toBeVisible(slow);
  await page.getByRole("button", { name: "Try it in the playground" }).click();
  await expect(page.getByRole("textbox", { name: "Prompt" })).toHaveValue(/Feeling:$/);
  await untilWritten(page);
  await page.getByRole("link", { name: "World" }).click();
  await expect(page.getByText("What the model wrote")).toBeVisible();
  await expect(page.getByText(/^(Right|Wrong)\./)).toBeVisible();
});
