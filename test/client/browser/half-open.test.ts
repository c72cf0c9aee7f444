import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Client, Status } from "../../../src/client/client.ts";
import { startProxy } from "../../examples/proxy.ts";
import { startHub } from "../../support/hub.ts";
import { launchBrowser } from "../../web/browser.ts";
import { bundle } from "./bundle.ts";

/** What the page of this test adds to its window. */
interface TestWindow {
  tidings: { connect(url: string, options: object): Client };
  client: Client;
  heard: unknown[];
  statuses: Status[];
  /** True when the client had sent a ping by the time that it had heard of the page's waking. */
  probedAtOnce: boolean;
}
declare const window: TestWindow & EventTarget;
declare const document: EventTarget;

const PAGE = `<!doctype html><title>client</title>
<script type="module">import * as tidings from "/sdk.js"; window.tidings = tidings;</script>`;

/** A hang must end some day; on a machine that runs other tests, half a minute is no hang. */
const HANG_MS = 150_000;

let browser: Browser;
let address: string;
const files = createServer((request, response) => {
  const isScript = request.url === "/sdk.js";
  response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? script : PAGE);
});
let script = "";

beforeAll(async () => {
  [browser, script] = [await launchBrowser(), await bundle()];
  files.listen(0, "127.0.0.1");
  await once(files, "listening");
  address = `http://127.0.0.1:${(files.address() as AddressInfo).port}`; // it listens on TCP
});

afterAll(async () => {
  await browser.close();
  files.close();
});

/** Loads the page and connects alice in it. */
async function connectIn(page: Page, port: number): Promise<void> {
  await page.goto(address);
  await page.evaluate(async (url) => {
    window.client = window.tidings.connect(url, { user: "alice" });
    window.heard = [];
    window.statuses = [];
    window.client.on("*", ({ data }) => window.heard.push(data));
    window.client.onStatus((status) => void window.statuses.push(status));
    await window.client.ready;
  }, `ws://127.0.0.1:${port}/ws`);
}

async function newPage(): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  context.setDefaultTimeout(HANG_MS);
  return context.newPage();
}

/** Ways in which a page wakes up. */
const WAKES: [string, (page: Page) => Promise<void>][] = [
  ["the event `online`", (page) => page.evaluate(() => void window.dispatchEvent(new Event("online")))],
  ["the event `pageshow`", (page) => page.evaluate(() => void window.dispatchEvent(new Event("pageshow")))],
  [
    "`visibilitychange`",
    (page) => page.evaluate(() => void document.dispatchEvent(new Event("visibilitychange"))),
  ],
  ["`resume`", (page) => page.evaluate(() => void document.dispatchEvent(new Event("resume")))],
];

describe("a page whose connection is half-open", () => {
  it.each(WAKES)(
    "gets and sends every message once, after a probe and one attempt at once, upon %s",
    async (_how, wake) => {
      const { hub, at } = await startHub();
      const proxy = await startProxy(at.port);
      const page = await newPage();
      await page.clock.install();
      await connectIn(page, proxy.port);
      proxy.swallow();
      for (const data of ["one", "two"]) await hub.user("alice").send({ type: "chat", data });
      await page.evaluate(() => {
        for (const data of ["three", "four"]) void window.client.send({ type: "chat", to: "bob", data });
        let last: unknown;
        const { send } = WebSocket.prototype;
        WebSocket.prototype.send = function (this: WebSocket, text: string): void {
          last = text;
          send.call(this, text);
        };
        // These listeners come after those of the client.
        const look = (): boolean => (window.probedAtOnce ??= last === '{"type":"ping"}');
        for (const name of ["online", "pageshow"]) window.addEventListener(name, look);
        for (const name of ["visibilitychange", "resume"]) document.addEventListener(name, look);
      });
      await wake(page);
      await page.clock.fastForward(5_000);
      await page.waitForFunction(() => window.heard.length === 2);
      // On a busy machine it takes longer, but never another step: a probe of 5 s at once, then an attempt at once.
      expect(await page.evaluate(() => window.probedAtOnce)).toBe(true);
      const told = await page.evaluate(() => window.statuses);
      expect(told.filter(({ type }) => /^(closed|connecting|open)$/.test(type)).slice(-3)).toMatchObject([
        { type: "closed", reason: "no pong within 5000 ms", delayMs: 0 },
        { type: "connecting", attempt: 1 },
        { type: "open" },
      ]);
      expect(await page.evaluate(() => window.heard)).toEqual(["one", "two"]);
      await page.evaluate(() => window.client.request("robot.ping"));
      const { messages } = await hub.history("user:bob");
      expect(messages.map(({ data }) => data)).toEqual(["three", "four"]);
    },
  );
});

describe("a page that reloads", () => {
  it("gets what came meanwhile, though another tab of the user has acknowledged it", async () => {
    const { hub, at } = await startHub();
    const [first, second] = [await newPage(), await newPage()];
    await connectIn(first, at.port);
    await connectIn(second, at.port);
    await hub.user("alice").send({ type: "chat", data: "before" });
    await first.waitForFunction(() => window.heard.length === 1);
    await first.goto("about:blank");
    const receipt = await hub
      .user("alice")
      .send({ type: "chat", data: "meanwhile", ack: true, timeoutMs: 60_000 });
    expect(receipt.state).toBe("acked"); // by the other tab
    await connectIn(first, at.port);
    await first.waitForFunction(() => window.heard.length > 0);
    expect(await first.evaluate(() => window.heard)).toEqual(["meanwhile"]);
  });
});

describe("a page", () => {
  it("connects to a URL relative to its address", async () => {
    const page = await newPage();
    await page.goto(address);
    const reason = await page.evaluate(async () => {
      const client = window.tidings.connect("/ws#top", { user: "alice" });
      const connecting = await new Promise<string>((resolve) => {
        client.onStatus(
          (status) => status.type === "closed" && resolve(`${status.code} ${status.willRetry}`),
        );
      });
      await client.close();
      return connecting;
    });
    // The server of the files is no hub. A URL that the browser refuses would have been final.
    expect(reason).toBe("1006 true");
  });
});
