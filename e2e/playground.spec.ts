/** A visitor plays with a real model in a real browser. */
import { expect, test } from "@playwright/test";
import { open, quickLink, slow, untilWritten, written } from "./page_helpers.ts";

test("opens with a text of the model and its numbers", async ({ page }) => {
  await page.goto("./");
  await expect(written(page).getByRole("option").first()).toBeVisible(slow);
  await expect(page.getByRole("complementary", { name: "The chosen token" })).toContainText(/\d %/);
  await untilWritten(page);
  await expect(page.getByRole("contentinfo")).toContainText(/[\d.]+ tokens\/s/);
  await expect(page.getByRole("button", { name: /^Memory in use: [\d.]+ MB/ })).toBeVisible();
  await expect(page.getByText(/nats per token · perplexity [\d.]+/).last()).toBeVisible();
});

test("a link gives the same text again, and edits stay in the link", async ({ page }) => {
  await open(page, quickLink);
  await untilWritten(page);
  const first = await written(page).innerText();
  expect(first.trim()).not.toBe("");

  const seed = page.getByRole("textbox", { name: "Seed" });
  await seed.fill("6");
  await seed.press("Enter");
  await expect(page).toHaveURL(/seed=6/);
  await expect(page.getByText("The settings have changed since this was written.")).toBeVisible();
  await seed.fill("5");
  await seed.press("Enter");
  await expect(page).toHaveURL(/seed=5/);

  await open(page, page.url());
  await untilWritten(page);
  expect(await written(page).innerText()).toBe(first);
});

test("Escape stops, what was written stays, and the next run starts", async ({ page }) => {
  await open(
    page,
    quickLink.replace("maxNewTokens=12", "maxNewTokens=500&temperature=1.5").replace("The+fog+was", "Story:"),
  );
  await expect(written(page).getByRole("option").nth(3)).toBeVisible(slow);
  await page.keyboard.press("Escape");
  await expect(page.getByText("Stopped by you.")).toBeVisible();
  const n = await written(page).getByRole("option").count();
  expect(n).toBeLessThan(500);
  await page.getByRole("textbox", { name: "Length" }).fill("3");
  await page.getByRole("textbox", { name: "Length" }).press("Enter");
  await page.getByRole("button", { name: "Generate" }).click();
  await expect(page.getByText("Stopped at the length you allow.")).toBeVisible(slow);
  await expect(written(page).getByRole("option")).toHaveCount(3);
});

test("everything can be done from the keyboard", async ({ page }) => {
  await open(page, quickLink);
  await untilWritten(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Skip to the bench" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.getByRole("textbox", { name: "Prompt" }).focus();
  await page.keyboard.press("Control+Enter");
  await untilWritten(page);

  const tokens = written(page);
  await tokens.focus();
  await page.keyboard.press("Home");
  const detail = page.getByRole("complementary", { name: "The chosen token" });
  await expect(detail).toContainText("place 1");
  await page.keyboard.press("ArrowRight");
  await expect(detail).toContainText("place 2");
  await expect(tokens.getByRole("option", { selected: true })).toHaveAccessibleName(/, .*%$/);

  await page.getByRole("slider", { name: "Temperature, by slider" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/temperature=0\.75/);
});

test("the numbers behind the figure are a table away", async ({ page }) => {
  await open(page, quickLink);
  await untilWritten(page);
  const nTokens = await page
    .getByRole("listbox", { name: /: tokens$/ })
    .getByRole("option")
    .count();
  await page.getByRole("button", { name: /^Show as table/ }).click();
  const table = page.getByRole("table", { name: "What the model writes, and how sure it was" });
  await expect(table.getByRole("columnheader", { name: "probability" })).toBeVisible();
  await expect(table.getByRole("row")).toHaveCount(nTokens + 1);

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /^Save: / }).click();
  await page.getByRole("menuitem", { name: "Everything (JSON)" }).click();
  expect((await download).suggestedFilename()).toBe("benchtop-text.json");
});

test("a hostile link changes nothing and is listed", async ({ page }) => {
  await open(page, `${quickLink}&temperature=99&__proto__=1&topK=%3Cimg%20src%3Dx%3E`);
  const notice = page.getByRole("status").filter({ hasText: "Parts of this link were not understood" });
  await expect(notice).toContainText("temperature=99: expected a number from 0 to 2");
  await expect(notice).toContainText("__proto__: not a setting of this page");
  await expect(notice).toContainText("topK=<img src=x>");
  await expect(page.getByRole("textbox", { name: "Temperature" })).toHaveValue("0.7");
});

test("a browser without WebGPU is told what to do", async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  await page.goto("./");
  await expect(page.getByText("This browser has no WebGPU")).toBeVisible();
  await expect(page.getByRole("button", { name: "Look again" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Generate" })).toBeDisabled();
});

test("a file that is no model is refused in words, and the model in use stays", async ({ page }) => {
  await open(page, quickLink);
  await untilWritten(page);
  const choose = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: /^Model: world-s/ }).click();
  await page.getByRole("button", { name: "Open files…" }).click();
  const file = (name: string, text: string) => ({
    name,
    mimeType: "application/json",
    buffer: Buffer.from(text),
  });
  await (
    await choose
  ).setFiles([
    file("config.json", "{}"),
    file("tokenizer.json", "{}"),
    file("model.safetensors", "not a model"),
  ]);
  await expect(page.getByRole("alert")).toContainText("model could not be loaded; world-s stays in use.");
  await page.getByRole("button", { name: "Generate" }).click();
  await untilWritten(page);
});
