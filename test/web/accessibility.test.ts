import { describe, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { expectAccessible } from "./axe.ts";
import { openTab } from "./browser.ts";
import { browser, SIZES } from "./dev/place.ts";

describe.each(SIZES)("at %s width", (_width, size) => {
  it.each(["light", "dark"] as const)(
    "the start page and the development page have no barriers in the %s scheme",
    async (colorScheme) => {
      const { at } = await startHub();
      const { page } = await openTab(browser(), `${at.url}/#api/sendMessage`, { ...size, colorScheme });
      await page.getByText("Link to sendMessage").waitFor();
      await expectAccessible(page, "the start page");
      await page.goto(`${at.url}/dev`);
      await page.getByRole("button", { name: "Connect" }).waitFor();
      await expectAccessible(page, "the form of the development page");
      await page.getByRole("button", { name: "Connect" }).click();
      await page.getByText("Online", { exact: true }).first().waitFor({ state: "attached" });
      await expectAccessible(page, "the development page");
    },
  );
});
