import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { needs } from "../support/tools.ts";

needs("chromium", "chromium-browser");

const ROOT = resolve(import.meta.dirname, "../..");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the system's Chromium, which scripts/install-tools.sh installs. */
export function launchBrowser(): Promise<Browser> {
  const which = "command -v chromium || command -v chromium-browser";
  const executablePath = execFileSync("sh", ["-c", which], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A tab in its own browser profile, with its errors. */
export interface Tab {
  readonly page: Page;
  /** Console warnings and errors, violations of the security policy, uncaught errors, and dialogs of scripts. */
  readonly complaints: string[];
}

/** A hang must end some day; on a machine that runs other tests, half a minute is no hang. */
const HANG_MS = 150_000;

export async function openTab(browser: Browser, url: string, options: BrowserContextOptions): Promise<Tab> {
  const context = await browser.newContext({ locale: "en-GB", reducedMotion: "reduce", ...options });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(HANG_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, complaints };
}

const TAKES_SCREENSHOTS = process.env.SCREENSHOTS === "1";

/** Sharp pictures for the README. Without a graphics processor, tests would draw four times the pixels that they need. */
export const SCALE = TAKES_SCREENSHOTS ? 2 : 1;

/** Waits until the page has measured its latency on an idle connection, for a screenshot. */
export async function quiet(page: Page): Promise<void> {
  if (TAKES_SCREENSHOTS) await page.waitForTimeout(11_000);
}

/** Takes a screenshot for the README, with SCREENSHOTS=1 only. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (TAKES_SCREENSHOTS) await page.screenshot({ path: resolve(ROOT, "docs/images", `${name}.png`) });
}
