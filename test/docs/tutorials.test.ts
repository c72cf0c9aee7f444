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

  async function run(name: string, port = "0"): Promise<{ program: Program; port: string }> {
    const program = new Program(process.execPath, [join(await saved(page), name)], { env: { PORT: port } });
    return { program, port: await program.prints(/port: (\d+)/) };
  }

  const start = async (name: string): Promise<string> => `http://127.0.0.1:${(await run(name)).port}`;

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

  it("ask for a login after the server of the chat has restarted, without an uncaught error", async () => {
    const { program, port } = await run("chat.ts");
    const { page: alice, complaints } = await openTab(browser, `http://127.0.0.1:${port}`, {});
    await logInto(alice, "alice", "wonderland");
    await say(alice, "before");
    await alice.getByText("alice: before").waitFor();
    program.terminate();
    await program.ended;
    await alice.getByText("Reconnecting…").waitFor();
    await say(alice, "meanwhile");
    await run("chat.ts", port);
    await alice.getByText("Please log in.").waitFor();
    await alice.getByText("Not sent:").waitFor();
    expect(await alice.getByPlaceholder("message").inputValue()).toBe("meanwhile");
    await logInto(alice, "alice", "wonderland");
    await say(alice, "after");
    await alice.getByText("alice: after").waitFor();
    // Requests that fail are reported by the browser itself.
    expect(complaints.filter((text) => !/^(?:WebSocket connection|Failed to load)/.test(text))).toEqual([]);
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
    await logInto(tab.page, user, password);
    return tab.page;
  }

  async function logInto(tab: Page, user: string, password: string): Promise<void> {
    await tab.getByPlaceholder("user").fill(user);
    await tab.getByPlaceholder("password").fill(password);
    await tab.getByRole("button", { name: "Log in" }).click();
    await tab.getByText("In the lobby:").waitFor();
  }

  async function say(tab: Page, text: string): Promise<void> {
    await tab.getByPlaceholder("message").fill(text);
    await tab.getByRole("button", { name: "Send" }).click();
  }
});
