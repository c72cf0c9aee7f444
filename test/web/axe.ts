import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const SOURCE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

declare global {
  interface Window {
    /** Of axe-core, once it runs in the page. */
    axe?: { run(): Promise<AxeResults> };
  }
}

/** Impacts that fail a test. The others are advice. */
const SEVERE = ["serious", "critical"];

/**
 * Expects that axe-core finds no serious or critical barrier in the page as it is now: contrast, names, roles, focus. The script comes over
 * the browser's debugger, which the page's security policy does not concern.
 * @param where what the page shows, for the failure
 */
export async function expectAccessible(page: Page, where = "the page"): Promise<void> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(readFileSync(SOURCE, "utf8"));
  const { violations } = await page.evaluate(() => {
    if (window.axe === undefined) throw new Error("axe-core does not run in the page");
    return window.axe.run();
  });
  const severe = violations.filter(({ impact }) => SEVERE.includes(impact ?? ""));
  const found = severe.map(({ id, help, nodes }) => {
    const places = nodes
      .slice(0, 3)
      .map(({ html, failureSummary }) => `${html.slice(0, 160)}\n    ${failureSummary}`);
    return `${id}: ${help}\n  ${places.join("\n  ")}`;
  });
  expect(found, `barriers in ${where}`).toEqual([]);
}
