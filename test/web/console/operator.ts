import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { openTab } from "../browser.ts";
import { browser, DESKTOP } from "../dev/place.ts";

interface Options extends BrowserContextOptions {
  readonly key?: string;
  readonly hash?: string;
  /** What the browser complains about: anything else fails the test. @default nothing */
  readonly complaints?: readonly string[];
}

/** Opens the console of a server, and logs in where a key is given. */
export async function openConsole(
  server: string,
  { key, hash = "", complaints = [], ...options }: Options = {},
): Promise<Operator> {
  const tab = await openTab(browser(), `${server}/console${hash}`, { ...DESKTOP, ...options });
  onTestFinished(() => expect(tab.complaints).toEqual(complaints));
  const operator = new Operator(tab.page);
  if (key === undefined) await operator.isLive();
  else await operator.logIn(key);
  return operator;
}

/** Somebody who uses the console, and finds elements by their text and role. */
export class Operator {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async logIn(key: string): Promise<void> {
    await this.page.getByLabel("API key").fill(key);
    await this.page.keyboard.press("Enter");
    await this.isLive();
  }

  async isLive(): Promise<void> {
    await this.page.getByText("Live", { exact: true }).waitFor();
  }

  async opens(section: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: section }).click();
    await this.page.getByRole("heading", { name: section, level: 1 }).waitFor();
  }

  /** Resolves when the text is visible. */
  reads(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).filter({ visible: true }).first().waitFor();
  }

  press(name: string): Promise<void> {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Confirms what the page asks. */
  confirm(name: string): Promise<void> {
    return this.page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
  }

  row(table: string, name: string): Locator {
    const rows = this.page.getByRole("region", { name: table, exact: true }).getByRole("row");
    return rows.filter({ has: this.page.getByRole("rowheader", { name }) });
  }

  /** Pixels of the first chart in the colour of its first line. */
  greenPixels(): Promise<number> {
    const chart = this.page.locator("canvas").first();
    return chart.evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      copy?.drawImage(canvas as HTMLCanvasElement, 0, 0);
      const data = [...(copy?.getImageData(0, 0, width, height).data ?? [])];
      return data.filter((red, place) => place % 4 === 0 && (data[place + 1] ?? 0) > red + 40).length;
    });
  }

  /** The large figure under a title. */
  figure(title: string): Promise<string | null> {
    const tile = this.page.locator(".tile").filter({ has: this.page.getByText(title, { exact: true }) });
    return tile.locator(".tile-value").textContent();
  }
}
