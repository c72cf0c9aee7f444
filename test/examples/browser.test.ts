import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Receipt } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";
import { startProxy } from "./proxy.ts";

needs("chromium", "chromium-browser");

const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A hang must end some day; on a machine that runs other tests, half a minute is no hang. */
const HANG_MS = 150_000;

/** With the longest time for an acknowledgement. */
const ACKED = { ack: true, timeoutMs: 60_000 };

describe("examples/browser/index.html", () => {
  let browser: Browser;
  let address: string;
  const files = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(readFileSync(join(REPOSITORY, "examples/browser/index.html")));
  });

  beforeAll(async () => {
    const executablePath = execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    files.listen(0, "127.0.0.1");
    await once(files, "listening");
    address = `http://localhost:${(files.address() as AddressInfo).port}`; // a TCP server's address is never a path
  });

  afterAll(async () => {
    await browser.close();
    files.close();
  });

  /** A tab in which somebody has logged in. A page that throws fails the test. */
  async function open(user: string, port: number): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(HANG_MS);
    const failures: Error[] = [];
    page.on("pageerror", (error) => failures.push(error));
    onTestFinished(async () => {
      await page.close();
      expect(failures).toEqual([]);
    });
    await page.goto(address);
    await page.getByLabel("server").fill(`ws://localhost:${port}/ws`);
    await page.getByLabel("user").fill(user);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText(`connected as ${user}`).waitFor();
    return page;
  }

  async function send(page: Page, to: string, text: string): Promise<void> {
    await page.getByLabel("to", { exact: true }).fill(to);
    await page.getByLabel("text").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  }

  const shown = (page: Page): Promise<string[]> => page.locator("#messages li").allTextContents();

  it("sends from one tab to another and shows the receipt", async () => {
    const { at } = await startHub();
    const alice = await open("alice", at.port);
    const bob = await open("bob", at.port);
    await send(alice, "bob", "Hello");
    await bob.getByText("alice: Hello").waitFor();
    await alice.getByText("to bob: Hello delivered").waitFor();
  });

  it("acknowledges the messages that it shows", async () => {
    const { hub, at } = await startHub();
    await open("alice", at.port);
    const receipt = await hub.user("alice").send({ type: "chat", data: { text: "Hello" }, ...ACKED });
    expect(receipt.state).toBe("acked");
  });

  it("shows messages as text, never as HTML", async () => {
    const { hub, at } = await startHub();
    const alice = await open("alice", at.port);
    const text = "<img src=x onerror=\"document.title='taken over'\">";
    await hub.user("alice").send({ type: "chat", data: { text } });
    await alice.getByText(text).waitFor();
    expect(await alice.locator("img").count()).toBe(0);
  });

  it("gets missed messages after a network failure, once and in order", async () => {
    const { hub, at } = await startHub();
    const proxy = await startProxy(at.port);
    const alice = await open("alice", proxy.port);
    const say = (text: string): Promise<unknown> => hub.user("alice").send({ type: "chat", data: { text } });
    await say("one");
    await alice.getByText("one").waitFor();
    proxy.breakDown();
    await alice.getByText("lost the connection").waitFor();
    await say("two");
    await say("three");
    proxy.mend();
    await say("four");
    await alice.getByText("four").waitFor();
    expect(await shown(alice)).toEqual(
      ["one", "two", "three", "four"].map((text) => `the application: ${text}`),
    );
  });

  it("sends messages written during a network failure later, and each is stored once", async () => {
    const { hub, at } = await startHub();
    const proxy = await startProxy(at.port);
    const alice = await open("alice", proxy.port);
    proxy.breakDown();
    await alice.getByText("lost the connection").waitFor();
    await send(alice, "bob", "Hello");
    proxy.mend();
    await alice.getByText("to bob: Hello stored").waitFor();
    expect((await hub.history("user:bob")).messages).toHaveLength(1);
  });

  it("asks for messages that a full send queue dropped", async () => {
    const { hub, at } = await startHub({ websocket: { messageBufferSize: 1 } });
    const alice = await open("alice", at.port);
    const say = (text: string): Promise<Receipt> => hub.user("alice").send({ type: "chat", data: { text } });
    const flood = Array.from({ length: 60 }, () => say("long ".repeat(40_000)));
    const states = (await Promise.all(flood)).map(({ state }) => state);
    expect(states).toContain("dropped");
    // A dropped message is noticed when a later one arrives.
    const last = await eventually("a message finds room in the queue", async () => {
      await shown(alice);
      const receipt = await say("last");
      return receipt.state !== "dropped" && receipt;
    });
    await alice
      .locator("#messages li")
      .nth(Number(last.offset) - 1)
      .waitFor();
    const messages: unknown[] = [];
    // A page has at most 256 KiB.
    for (let before: number | undefined; before !== 1; ) {
      const page = (await hub.history("user:alice", { before })).messages;
      messages.unshift(...page.map(({ data }) => data));
      before = page[0]?.offset;
    }
    const texts = messages.map((data) => `the application: ${(data as { text: string }).text}`); // as sent above
    expect(await shown(alice)).toEqual(texts);
  });

  it("does not reconnect after a kick", async () => {
    const { hub, at } = await startHub();
    const alice = await open("alice", at.port);
    await hub.user("alice").kick({ reason: "enough" });
    await alice.getByText("closed: 4501 enough").waitFor();
  });
});
