import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import type { Browser, Page } from "playwright-core";
import { compile } from "svelte/compiler";
import { build, type Plugin } from "vite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createHub, type Hub } from "../../../src/index.ts";
import { REPOSITORY } from "../../support/repository.ts";
import { launchBrowser, openTab } from "../../web/browser.ts";

/** What shows the components of the examples. */
const ENTRIES: Readonly<Record<string, string>> = {
  react: `
import { createElement as h, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "${REPOSITORY}/examples/nextjs/app/chat.tsx";
const place = document.body.appendChild(document.createElement("div"));
createRoot(place).render(h(StrictMode, null, h(Chat)));`,
  vue: `
import { createApp } from "vue";
import { connect } from "tidings/client";
import { Lobby } from "${REPOSITORY}/examples/vue/lobby.ts";
const app = createApp(Lobby, { client: connect("/ws", { token: async () => (await fetch("/api/token", { method: "POST" })).text() }) });
app.mount(document.body);
window.remove = () => app.unmount();`,
  svelte: `
import { mount, unmount } from "svelte";
import { connect } from "tidings/client";
import Lobby from "${REPOSITORY}/examples/svelte/Lobby.svelte";
const client = connect("/ws", { token: async () => (await fetch("/api/token", { method: "POST" })).text() });
const lobby = mount(Lobby, { target: document.body, props: { client } });
window.remove = () => unmount(lobby);`,
};

/** Before the name of an entry, which is that of a package. */
const ENTRY = "example:";

/** Serves the entries as modules, and compiles components of Svelte. */
const MODULES: Plugin = {
  name: "examples",
  enforce: "pre",
  resolveId: (id) => (id.startsWith(ENTRY) ? { id, moduleSideEffects: true } : undefined),
  load: (id) => (id.startsWith(ENTRY) ? ENTRIES[id.slice(ENTRY.length)] : undefined),
  transform: (code, id) =>
    id.endsWith(".svelte") ? compile(code, { filename: id, generate: "client" }).js.code : undefined,
};

async function bundle(name: string): Promise<string> {
  const output = await build({
    configFile: false,
    root: REPOSITORY,
    logLevel: "error",
    mode: "development",
    plugins: [MODULES],
    define: {
      "process.env.NODE_ENV": '"development"',
      // Vue complains without them.
      __VUE_OPTIONS_API__: "true",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
    },
    resolve: {
      alias: {
        "tidings/client": `${REPOSITORY}/src/client/client.ts`,
        "tidings/react": `${REPOSITORY}/src/react/react.ts`,
        "tidings/stores": `${REPOSITORY}/src/stores/stores.ts`,
      },
    },
    build: { write: false, minify: false, rolldownOptions: { input: `${ENTRY}${name}` } },
  });
  const [bundled] = Array.isArray(output) ? output : [output];
  if (bundled === undefined || !("output" in bundled)) throw new TypeError("expected one finished bundle");
  return bundled.output[0].code;
}

let browser: Browser;
let address: string;
let hub: Hub<Record<string, unknown>>;
const scripts = new Map<string, string>();
/** Routes of the template, by path. It is a package of its own, with types of its own. */
const routes = new Map<string, (request: Request) => Promise<Response>>();
/** Connections of the present test. */
let sockets: Set<Duplex>;

beforeAll(async () => {
  process.env.JWT_SECRET = "a secret of the tests, 32 bytes!";
  browser = await launchBrowser();
  for (const name of ["login", "token"]) {
    const { POST } = await import(`${REPOSITORY}/examples/nextjs/app/api/${name}/route.ts`);
    routes.set(`/api/${name}`, POST);
  }
  for (const name in ENTRIES) scripts.set(name, await bundle(name));
});

afterAll(async () => {
  delete process.env.JWT_SECRET;
  await browser.close();
});

/** The routes of the template without Next.js, and a page for each framework. */
beforeEach(async () => {
  const server = createServer(async (request, response) => {
    const { url = "" } = request;
    const [, name = "", file] = /^\/(\w+)(\.js)?$/.exec(url) ?? [];
    const route = routes.get(url);
    if (route) {
      const answer = await route(await requestOf(request));
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    } else if (file) response.setHeader("content-type", "text/javascript").end(scripts.get(name));
    else
      response
        .setHeader("content-type", "text/html")
        .end(`<!doctype html><link rel="icon" href="data:,"><title>${name}</title>
<body><script type="module" src="/${name}.js"></script>`);
  });
  hub = createHub({ logLevel: "silent", jwt: { secret: process.env.JWT_SECRET ?? "", audience: "my-app" } });
  hub.attach(server);
  sockets = new Set();
  server.on("upgrade", (_, socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
  return async () => {
    server.close();
    await hub.close();
  };
});

async function requestOf(request: IncomingMessage): Promise<Request> {
  const { cookie = "" } = request.headers;
  const body = await text(request);
  return new Request("http://localhost", { method: "POST", headers: { cookie }, body });
}

/** A tab of a user who has logged in. */
async function tabOf(user: string, framework: string) {
  const answer = await fetch(`${address}/api/login`, { method: "POST", body: JSON.stringify({ user }) });
  const [session = ""] = answer.headers.getSetCookie();
  const [, value = ""] = /session=([^;]+)/.exec(session) ?? [];
  const cookie = { name: "session", value, domain: "127.0.0.1", path: "/", expires: -1 };
  const storageState = {
    cookies: [{ ...cookie, httpOnly: true, secure: false, sameSite: "Lax" as const }],
    origins: [],
  };
  return openTab(browser, `${address}/${framework}`, { storageState });
}

const say = async (page: Page, words: string): Promise<void> => {
  await page.getByPlaceholder("message").fill(words);
  await page.getByRole("button", { name: "Send" }).click();
};

test("the template of Next.js chats by the hooks, also after a time without a network", async () => {
  const { page: alice, complaints } = await tabOf("alice", "react");
  await alice.getByText("open as alice").waitFor();
  const { page: bob } = await tabOf("bob", "react");
  await bob.getByText("Here: alice, bob").waitFor();
  await say(alice, "Hello");
  await bob.getByText("alice: Hello").waitFor();
  await bob.reload();
  await bob.getByText("alice: Hello").waitFor();

  await alice.context().setOffline(true);
  for (const socket of sockets) socket.destroy();
  await say(alice, "Again");
  await alice.getByText("Again (queued)").waitFor();
  await alice.context().setOffline(false);
  await bob.getByText("alice: Again").waitFor();
  await alice.getByText("alice: Again").waitFor();
  for (const page of [alice, bob]) expect(await page.getByText("Again").count()).toBe(1);
  expect(complaints.filter((text) => !text.includes("ERR_INTERNET_DISCONNECTED"))).toEqual([]);
});

test.each(["vue", "svelte"])("the component of %s shows a group, says hello, and leaves", async (name) => {
  await hub.group("lobby").send({ type: "chat", data: { text: "before" }, from: "bob" });
  const { page, complaints } = await tabOf("alice", name);
  await page.getByText("bob: before").waitFor();
  await page.getByText("open", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Say hello" }).click();
  await page.getByText("alice: Hello").waitFor();
  const vacated = new Promise((resolve) => hub.on("vacated", resolve));
  await page.evaluate("remove()");
  expect(await vacated).toMatchObject({ group: "lobby" });
  expect(complaints).toEqual([]);
});
