import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { OfflineClient } from "../../../src/offline/offline.ts";
import { bundle } from "../../client/browser/bundle.ts";
import { startProxy } from "../../examples/proxy.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { launchBrowser } from "../../web/browser.ts";

/** What the page of this test adds to its window. */
interface TestWindow {
  open(url: string, user: string, hasWorker: boolean): void;
  client: OfflineClient;
  heard: unknown[];
}
declare const window: TestWindow;

const HTML = `<!doctype html><title>offline</title><script type="module" src="/page.js"></script>`;

const FILES: Record<string, string> = {
  "/": HTML,
  "/sandboxed": HTML,
  "/page.js": `import { connectOffline } from "/sdk.js";
    window.open = (url, user, hasWorker) => {
      const worker = () => new SharedWorker("/worker.js", { type: "module" });
      window.client = connectOffline(url, { user, ...(hasWorker && { worker }) });
      window.heard = [];
      window.client.on("*", ({ data }) => window.heard.push(data));
    };`,
  "/worker.js": `import { serveTabs } from "/sdk.js"; serveTabs();`,
};

/** As strict as an application's may be. */
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src ws:";

/** A hang must end some day; on a machine that runs other tests, half a minute is no hang. */
const HANG_MS = 150_000;

let browser: Browser;
let address: string;
const files = createServer(({ url = "" }, response) => {
  response.setHeader("content-type", url.endsWith(".js") ? "text/javascript" : "text/html");
  const sandbox = url === "/sandboxed" ? "; sandbox allow-scripts" : "";
  response.setHeader("content-security-policy", POLICY + sandbox);
  // A sandboxed page has no origin.
  response.setHeader("access-control-allow-origin", "*");
  response.end(FILES[url]);
});

beforeAll(async () => {
  [browser, FILES["/sdk.js"]] = [await launchBrowser(), await bundle("offline/offline.ts")];
  files.listen(0, "127.0.0.1");
  await once(files, "listening");
  address = `http://127.0.0.1:${(files.address() as AddressInfo).port}`; // it listens on TCP
});

afterAll(async () => {
  await browser.close();
  files.close();
});

/** A hub behind a network that can break, and a browser profile with tabs. */
async function place() {
  const { hub, at } = await startHub();
  const proxy = await startProxy(at.port);
  const context: BrowserContext = await browser.newContext();
  onTestFinished(() => context.close());
  context.setDefaultTimeout(HANG_MS);
  const load = async (page: Page, hasWorker = false, user = "alice"): Promise<Page> => {
    await page.goto(address);
    await page.evaluate(([url, who, has]) => window.open(url, who, has), [
      `ws://127.0.0.1:${proxy.port}/ws`,
      user,
      hasWorker,
    ] as const);
    return page;
  };
  const open = async (hasWorker?: boolean, user?: string): Promise<Page> =>
    load(await context.newPage(), hasWorker, user);
  return { hub, proxy, context, load, open };
}

const ready = (page: Page): Promise<unknown> => page.evaluate(async () => void (await window.client.ready));
const heard = (page: Page): Promise<unknown[]> => page.evaluate(() => window.heard);
const isLeader = (page: Page): Promise<boolean> => page.evaluate(() => window.client.isLeader);

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe.each([
  ["a leading tab", "leader-tab", false],
  ["a SharedWorker", "shared-worker", true],
])("ten tabs of Chromium with %s", (_name, sharing, hasWorker) => {
  it("cost one connection, and each gets every message once, under a strict policy", async () => {
    const { hub, open } = await place();
    const pages = await Promise.all(range(1, 10).map(() => open(hasWorker)));
    const bob = await open(hasWorker, "bob");
    await Promise.all([...pages, bob].map(ready));
    for (const data of range(1, 5)) await hub.user("alice").send({ type: "chat", data });
    for (const page of pages) {
      await page.waitForFunction(() => window.heard.length === 5);
      expect(await heard(page)).toEqual(range(1, 5));
      expect(await page.evaluate(() => [window.client.sharing, window.client.outbox.storage])).toEqual([
        sharing,
        "indexeddb",
      ]);
    }
    expect(await hub.user("alice").connections()).toHaveLength(1);
    expect(await hub.user("bob").connections()).toHaveLength(1);
    expect(await heard(bob)).toEqual([]);
  });
});

describe("tabs of Chromium", () => {
  it.each([
    ["closes", (page: Page) => page.close()],
    ["crashes", crash],
  ])("get every message once when the leading one %s", async (_how, end) => {
    const { hub, open } = await place();
    const pages = [await open(), await open(), await open()];
    await Promise.all(pages.map(ready));
    const leading = await Promise.all(pages.map(isLeader));
    const leader = pages[leading.indexOf(true)];
    if (!leader) throw new Error("no tab leads");
    const others = pages.filter((page) => page !== leader);
    let ending: Promise<void> | undefined;
    for (const data of range(1, 100)) {
      await hub.user("alice").send({ type: "chat", data });
      if (data === 30) ending = end(leader);
    }
    await ending;
    for (const page of others) {
      await page.waitForFunction(() => window.heard.length >= 100);
      expect(await heard(page)).toEqual(range(1, 100));
    }
    await eventually("there is one connection", async () => {
      return (await hub.user("alice").connections()).length === 1;
    });
    expect((await Promise.all(others.map(isLeader))).filter(Boolean)).toHaveLength(1);
  });

  it("send what was written without a network after a reload, once and in order", async () => {
    const { hub, proxy, load, open } = await place();
    const page = await open();
    await ready(page);
    proxy.breakDown();
    await page.evaluate(() => {
      for (const data of [1, 2, 3]) void window.client.send({ type: "chat", to: "bob", data });
    });
    await page.waitForFunction(() => window.client.outbox.messages.length === 3);
    await load(page);
    await page.waitForFunction(() => window.client.outbox.messages.length === 3);
    proxy.mend();
    await page.waitForFunction(() => window.client.outbox.messages.length === 0);
    const { messages } = await hub.history("user:bob");
    expect(messages.map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it("work in memory without IndexedDB, and leave nothing behind after a logout", async () => {
    const { hub, context, open } = await place();
    const kept = await open();
    await ready(kept);
    await kept.evaluate(() => window.client.close({ forget: true }));
    expect(await kept.evaluate(databases)).toEqual([]);
    await context.addInitScript("Object.defineProperty(window, 'indexedDB', { value: undefined })");
    const page = await open();
    const { storage, state } = await page.evaluate(async () => {
      const receipt = await window.client.send({ type: "chat", to: "bob", data: 1 });
      return { storage: window.client.outbox.storage, state: receipt.state };
    });
    expect([storage, state]).toEqual(["memory", "stored"]);
    expect((await hub.history("user:bob")).messages).toHaveLength(1);
  });

  it("share nothing where the browser denies locks and channels: in a sandbox", async () => {
    const { context } = await place();
    const { url } = await startHub({
      auth: { mode: "token", authenticate: async ({ token }) => (token ? { user: token } : undefined) },
    });
    const page = await context.newPage();
    await page.goto(`${address}/sandboxed`);
    await page.evaluate((to) => window.open(to, "alice", false), url({ token: "alice" }));
    await ready(page);
    const parts = await page.evaluate(() => [window.client.sharing, window.client.outbox.storage]);
    expect(parts).toEqual(["alone", "memory"]);
  });

  it("take over from a worker that cannot start", async () => {
    const { context, open } = await place();
    await context.route("**/worker.js", (route) => route.fulfill({ status: 404 }));
    const page = await open(true);
    await ready(page);
    expect(await page.evaluate(() => window.client.sharing)).toBe("leader-tab");
  });
});

/** Kills the renderer of a page. */
async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {}); // a renderer that is gone does not answer
  await crashed;
}

/** Runs in the page. */
async function databases(): Promise<unknown[]> {
  return (globalThis as unknown as { indexedDB: { databases(): Promise<unknown[]> } }).indexedDB.databases();
}
