import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { chatDevelopmentAuth, createChat } from "../../../src/chat/chat.ts";
import type { HubOptions } from "../../../src/index.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { expectAccessible } from "../axe.ts";
import { openTab, screenshot } from "../browser.ts";
import { browser, DESKTOP, overflow, SIZES, until } from "../dev/place.ts";

const apiKey = "an API key of the tests";
const PRIVATE: HubOptions = { jwt: { secret: "a secret of at least thirty-two bytes" }, apiKey };

const shell = promisify(execFile);

/** Opens the start page of a hub. Errors in the console fail the test. */
async function open({ at }: Pick<RunningHub, "at">, options = DESKTOP, fragment = ""): Promise<Page> {
  const { page, complaints } = await openTab(browser(), `${at.url}/${fragment}`, options);
  onTestFinished(() => expect(complaints.filter((each) => !REFUSED.test(each))).toEqual([]));
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

/** What a browser says of a key that the hub does not take. */
const REFUSED = /status of 401/;

/** A hub of development mode with a chat, as `tidings serve` makes it. */
async function withChat(): Promise<RunningHub> {
  const running = await startHub({ auth: chatDevelopmentAuth() });
  const chat = createChat({ hub: running.hub });
  onTestFinished(() => chat.close());
  await chat.ready;
  return running;
}

const links = (page: Page): Promise<string[]> =>
  page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();

const snippet = (page: Page): Promise<string> => page.getByRole("tabpanel").locator("pre").innerText();

describe.each(SIZES)("the start page at %s width", (width, size) => {
  it("leads to the pages that are on, with the chat only where there is one", async () => {
    const without = await open(await startHub(), size);
    expect(await links(without)).toEqual(["Start", "Console", "Development"]);
    const running = await withChat();
    const page = await open(running, size);
    expect(await links(page)).toEqual(["Start", "Chat", "Console", "Development"]);
    expect(await page.getByRole("link", { name: "Start" }).getAttribute("aria-current")).toBe("page");
    const cards = page.getByRole("list", { name: "Pages of this hub" }).getByRole("link");
    expect(await cards.count()).toBe(4);
    expect(await overflow({ page })).toEqual([]);
    if (width === "desktop") await screenshot(page, "start-desktop");
    await cards.filter({ hasText: "Development" }).click();
    await page.waitForURL(`${running.at.url}/dev`);
  });

  it("has snippets that work as they are: what curl sends arrives in the page", async () => {
    const running = await withChat();
    const page = await open(running, size);
    await page.getByRole("button", { name: "Listen as alice" }).click();
    await page.getByText("listening as alice").waitFor();
    await page.getByRole("tab", { name: "curl" }).click();
    await shell("sh", ["-c", await snippet(page)]);
    const arrived = page.getByRole("log").getByText("Hello from curl");
    await arrived.waitFor();
    expect(await overflow({ page })).toEqual([]);
    await page.getByRole("tab", { name: "Node" }).click();
    const text = await snippet(page);
    expect(text).toMatch(/token=[\w-]+\.[\w-]+\.[\w-]+/);
    const listening = shell("timeout", ["120", "sh", "-c", `${text} & wait`]).catch((error) => error);
    await expect
      .poll(async () => (await running.hub.user("alice").connections()).length, until)
      .toBeGreaterThan(1);
    await running.hub.user("alice").kick({ reason: "the test is over" });
    expect((await listening).stdout).toContain("Hello from curl");
    await page.getByText("the hub has ended it").waitFor();
  });

  it("has a reference of the HTTP API with a filter and an address for each operation", async () => {
    const page = await open(await withChat(), size, "#api/addMember");
    const member = page.getByText("/groups/{group}/members", { exact: true });
    await page.getByText("Link to addMember").waitFor();
    await expect.poll(() => member.first().isVisible(), until).toBe(true);
    const filter = page.getByRole("searchbox", { name: "Filter the operations" });
    await filter.fill("post message");
    const found = page.locator(".operation .path");
    await expect.poll(() => found.allTextContents(), until).toContain("/ws/message");
    expect(await page.locator(".operation .method").allTextContents()).not.toContain("GET");
    await filter.fill("chat login");
    await expect.poll(() => found.allTextContents(), until).toEqual(["/chat/login"]);
    await page.locator(".operation summary").click();
    await page.getByText("In the body").waitFor();
    expect(await page.locator(".operation pre").last().innerText()).toContain("/chat/login");
    expect(await overflow({ page })).toEqual([]);
    await filter.fill("nothing of the kind");
    await page.getByText("No operation has all these words.").waitFor();
  });

  it("asks for a key outside development mode, keeps it in this tab, and forgets it", async () => {
    const running = await startHub(PRIVATE);
    const page = await open(running, size);
    expect(await links(page)).toEqual(["Start", "Console"]);
    expect(await snippet(page)).toContain('fetch("/token"');
    const key = page.getByLabel("API key", { exact: true });
    await key.fill("no key of this hub");
    await page.keyboard.press("Enter");
    await page.getByText("the API key is not valid").waitFor();
    await expectAccessible(page, "the start page with an error");
    await key.fill(apiKey);
    await page.keyboard.press("Enter");
    await page.getByText("/ws/message", { exact: true }).waitFor();
    expect(page.url()).toBe(`${running.at.url}/`);
    await page.reload();
    await page.getByRole("heading", { name: "HTTP API" }).scrollIntoViewIfNeeded();
    await page.getByText("/ws/message", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Forget the key" }).click();
    await key.waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "HTTP API" }).scrollIntoViewIfNeeded();
    await key.waitFor();
  });
});

describe("the start page by the keyboard alone", () => {
  it("reaches the content, the tabs, the copy button and an operation", async () => {
    const page = await open(await withChat());
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? "");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused()).toContain("Chat");
    await page.getByRole("tab", { name: "SDK" }).focus();
    await page.keyboard.press("ArrowLeft");
    expect(await focused()).toBe("curl");
    expect(await snippet(page)).toContain("curl http://");
    await page.keyboard.press("Tab");
    expect(await focused()).toContain("Copy");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Copied" }).waitFor();
    await page.getByRole("link", { name: "HTTP API" }).press("Enter");
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("readHistory");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("Link to readHistory").waitFor();
  });

  it("changes the colours, also after a reload", async () => {
    const page = await open(await startHub());
    const scheme = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    await page.getByRole("button", { name: "Colours: as the system" }).press("Enter");
    await page.getByRole("button", { name: "Colours: light" }).press("Enter");
    expect(await scheme()).toBe("dark");
    await page.reload();
    await page.getByRole("button", { name: "Colours: dark" }).press("Enter");
    expect(await scheme()).toBe("light dark");
  });
});
