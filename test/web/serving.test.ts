import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { chatDevelopmentAuth, createChat } from "../../src/chat/chat.ts";
import { createHub, type HubOptions } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";
import { buildPage } from "./build.ts";

beforeAll(buildPage);

describe("the files of pages", () => {
  it.each(["/", "/dev"])(
    "are served at %s with a policy against inline code, and revalidated by caches",
    async (path) => {
      const { at } = await startHub();
      const response = await fetch(at.url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch("text/html");
      expect(response.headers.get("cache-control")).toBe("no-cache");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("referrer-policy")).toBe("no-referrer");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy.split("; ")).toEqual(
        expect.arrayContaining([
          "default-src 'self'",
          "frame-ancestors 'none'",
          "connect-src 'self' ws: wss:",
        ]),
      );
      expect(policy).not.toContain("unsafe");
      // Nothing stands in the HTML that the policy would refuse, and nothing comes from elsewhere.
      const html = await response.text();
      expect(html).not.toMatch(/\sstyle=|<style|\son\w+=|https?:/);
    },
  );

  it("are assets with content types, cached without limit", async () => {
    const { at } = await startHub();
    const types: Record<string, string> = {};
    for (const path of await assetsOf(`${at.url}/dev`)) {
      const response = await fetch(path);
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      types[path.replace(/.*\./, "")] = response.headers.get("content-type") ?? "";
    }
    expect(types.js).toMatch("text/javascript");
    expect(types.css).toMatch("text/css");
    expect(types.svg).toMatch("image/svg+xml");
  });

  it("do not include paths outside their folder", async () => {
    const { at } = await startHub();
    for (const path of [
      "/pages/../dev/index.html",
      "/pages/%2e%2e/dev/index.html",
      "/pages/%2e%2e/%2e%2e/package.json",
      "/pages/none.js",
      "/pages/",
      "/dev/index.html",
    ]) {
      expect((await fetch(at.url + path)).status).toBe(404);
    }
  });

  it.each(["dev", "console"])("are one redirect away from /%s/", async (page) => {
    const { at } = await startHub();
    const response = await fetch(`${at.url}/${page}/`, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe(`../${page}`);
    expect(response.headers.get("cache-control")).toBe("no-cache");
  });

  it("say which path the WebSocket has: below that of the page on a server of the hub's own", async () => {
    const { at } = await startHub({ path: "/a&b" });
    for (const path of ["/", "/dev"])
      expect(await (await fetch(at.url + path)).text()).toContain(
        'name="tidings-socket" content="./a&#38;b"',
      );
  });

  it("say that the WebSocket stays where it is when the application mounts the API below a path", async () => {
    const hub = createHub({ ...PRIVATE, logLevel: "silent" });
    onTestFinished(() => hub.close());
    const html = await (await hub.fetch(new Request("http://hub/"))).text();
    expect(html).toContain('name="tidings-socket" content="/ws"');
  });

  it.each([
    ["br, gzip", "br"],
    ["gzip", "gzip"],
    ["identity", undefined],
    [undefined, undefined],
  ])("go to a client that accepts %s as %s", async (accepted, expected) => {
    const { at } = await startHub();
    const path = (await assetsOf(`${at.url}/`)).find((asset) => asset.endsWith(".js"));
    const headers = accepted === undefined ? {} : { "accept-encoding": accepted };
    // fetch would say what it accepts.
    const [response] = (await once(get(path ?? "", { headers }), "response")) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-encoding"]).toBe(expected);
  });

  it("work below a path of a proxy", async () => {
    const { at } = await startHub(PRIVATE);
    const proxy = createServer(async ({ url = "" }, response) => {
      const answer = await fetch(at.url + url.replace(/^\/realtime/, ""));
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void proxy.close());
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo; // it listens on a port
    const assets = await assetsOf(`http://127.0.0.1:${port}/realtime/`);
    expect(assets.length).toBeGreaterThan(2);
    for (const path of assets) {
      expect(path).toContain("/realtime/pages/");
      expect((await fetch(path)).status).toBe(200);
    }
  });
});

const PRIVATE: HubOptions = {
  jwt: { secret: "a secret of at least thirty-two bytes" },
  apiKey: "an API key of the tests",
};

describe("the pages", () => {
  it("in development mode are the start page, the console and the development page", async () => {
    const { at } = await startHub();
    expect(await statuses(at.url)).toMatchObject({ start: 200, dev: 200, chat: 404 });
    expect(await isThere(at.url, "console")).toBe(true);
    expect(await told(at.url)).toEqual({ pages: "start console dev", traits: "development open" });
  });

  it("with a secret are the start page and the console, which tell a stranger nothing else", async () => {
    const { at } = await startHub(PRIVATE);
    expect(await statuses(at.url)).toMatchObject({ start: 200, dev: 404, chat: 404 });
    expect(await isThere(at.url, "console")).toBe(true);
    expect(await told(at.url)).toEqual({ pages: "start console", traits: "" });
  });

  it("have the chat as soon as the hub has one", async () => {
    const { hub, at } = await startHub();
    expect(await isThere(at.url, "chat")).toBe(false);
    const chat = createChat({ hub });
    onTestFinished(() => chat.close());
    await chat.ready;
    expect(await isThere(at.url, "chat")).toBe(true);
    expect((await told(at.url)).pages).toBe("start chat console dev");
  });

  it("do not have the chat for an endpoint of the application below /chat", async () => {
    const { hub, at } = await startHub();
    const takes = z.object({});
    hub.endpoint({
      name: "join",
      path: "/chat/join",
      summary: "Join",
      access: "user",
      takes,
      handle: () => ({}),
    });
    expect(await isThere(at.url, "chat")).toBe(false);
  });

  it.each([
    [{ auth: chatDevelopmentAuth() }, "development open tokens"],
    [{ apiKey: "an API key of the tests" }, "development"],
  ])("of %j are told %s", async (options, traits) => {
    const { at } = await startHub(options);
    expect((await told(at.url)).traits).toBe(traits);
  });

  it("are off with http.pages: false, with their files", async () => {
    const on = await startHub();
    const [asset = ""] = await assetsOf(`${on.at.url}/`);
    const { at } = await startHub({ http: { pages: false } });
    expect(await statuses(at.url)).toEqual({ start: 404, chat: 404, console: 404, dev: 404 });
    expect((await fetch(at.url + new URL(asset).pathname)).status).toBe(404);
  });
});

/** Addresses of the scripts, styles and icons that a page loads at first. */
async function assetsOf(page: string): Promise<string[]> {
  const html = await (await fetch(page)).text();
  return [...html.matchAll(/(?:src|href)="(\.\/pages\/[^"]+)"/g)].map(
    ([, path = ""]) => new URL(path, page).href,
  );
}

/** What the start page tells. */
async function told(url: string): Promise<Record<string, string>> {
  const html = await (await fetch(`${url}/`)).text();
  const read = (name: string): string =>
    html.match(`name="tidings-${name}" content="([^"]*)"`)?.[1] ?? "none";
  return { pages: read("pages"), traits: read("traits") };
}

const addressOf = (page: string): string => (page === "start" ? "/" : `/${page}`);

async function statuses(url: string): Promise<Record<string, number>> {
  const pages = ["start", "chat", "console", "dev"];
  const each = pages.map(async (page) => [page, (await fetch(url + addressOf(page))).status]);
  return Object.fromEntries(await Promise.all(each));
}

/** Tells whether a page is served. One that is not built yet answers 503. */
const isThere = async (url: string, page: string): Promise<boolean> =>
  (await fetch(url + addressOf(page))).status !== 404;
