import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program } from "../examples/program.ts";
import { builtPackage } from "../package/build.ts";
import { launchBrowser, openTab } from "../web/browser.ts";
import { readPage } from "./markdown.ts";
import { saved } from "./programs.ts";

const page = readPage("docs/GETTING-STARTED.md");

describe("the programs of docs/GETTING-STARTED.md", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
    await builtPackage();
  });

  afterAll(() => browser.close());

  async function start(name: string): Promise<string> {
    const program = new Program(process.execPath, [join(await saved(page), name)], { env: { PORT: "0" } });
    return `http://127.0.0.1:${await program.prints(/port: (\d+)/)}`;
  }

  it("show notifications at once, and those of an absence at the next visit", async () => {
    const url = await start("server.ts");
    const notify = async (text: string): Promise<unknown> => {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ text });
      return (await fetch(`${url}/notify/alice`, { method: "POST", headers, body })).json();
    };

    const tab = await openTab(browser, `${url}/?user=alice`, {});
    await tab.page.locator("#status", { hasText: "open" }).waitFor();
    expect(await notify("Your parcel is here")).toMatchObject({ state: "delivered", offset: 1 });
    await tab.page.getByText("Your parcel is here").waitFor();
    await tab.page.close();

    await notify("second");
    await notify("third");
    const later = await openTab(browser, `${url}/?user=alice`, {});
    await later.page.getByText("third").waitFor();
    expect((await later.page.locator("#list li").allTextContents()).slice(-2)).toEqual(["second", "third"]);
  });

  it("let two people chat who have logged in, also over a reload", async () => {
    const url = await start("chat.ts");
    const alice = await login(url, "alice", "wonderland");
    await alice.getByText("In the lobby: alice").waitFor();
    await say(alice, "Is anybody here?");
    const bob = await login(url, "bob", "builder");
    await alice.getByText("In the lobby: alice, bob").waitFor();
    await bob.getByText("alice: Is anybody here?").waitFor();
    await say(bob, "I am");
    await alice.getByText("bob: I am").waitFor();
    await alice.reload();
    await alice.getByText("bob: I am").waitFor();
    await say(bob, "Hello again");
    await alice.getByText("bob: Hello again").waitFor();
    expect(await alice.locator("#messages li").allTextContents()).toEqual([
      "alice: Is anybody here?",
      "bob: I am",
      "bob: Hello again",
    ]);
  });

  it("give a token to nobody who has not logged in", async () => {
    const url = await start("chat.ts");
    expect((await fetch(`${url}/token`, { method: "POST" })).status).toBe(401);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ user: "alice", password: "guessed" });
    expect((await fetch(`${url}/login`, { method: "POST", headers, body })).status).toBe(401);
  });

  async function login(url: string, user: string, password: string): Promise<Page> {
    const tab = await openTab(browser, url, {});
    await tab.page.getByPlaceholder("user").fill(user);
    await tab.page.getByPlaceholder("password").fill(password);
    await tab.page.getByRole("button", { name: "Log in" }).click();
    await tab.page.getByText("In the lobby:").waitFor();
    return tab.page;
  }

  async function say(tab: Page, text: string): Promise<void> {
    await tab.getByPlaceholder("message").fill(text);
    await tab.getByRole("button", { name: "Send" }).click();
  }
});
