import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localLinks, readPage } from "../docs/markdown.ts";
import { REPOSITORY } from "../support/repository.ts";
import { builtPackage, run } from "./build.ts";

/** A program of somebody who has installed the package. It checks itself, and prints what it has seen. */
const ROUND_TRIP = `
import { createHub, RetryError, TidingsError } from "tidings";
import { connect, TidingsError as ClientError } from "tidings/client";
import { connectOffline } from "tidings/client/offline";
import { createChat } from "tidings/chat";
import { createRateLimiter } from "tidings/limit";
import { backplaneContract } from "tidings/testing";
import { postgresSink, sqliteSink } from "tidings/log";
import { createRelay, outboxSchema } from "tidings/outbox";
import { DatabaseSync } from "node:sqlite";
import { CLOSE, ERROR_CODES } from "tidings/protocol";

const limiter = createRateLimiter({ rate: "1-M" });
const limited = [limiter.check({}), limiter.check({})].map((result) => result.allowed);
const log = sqliteSink("log.db");
const hub = createHub({ logLevel: "silent", messageLog: log, grpc: { port: 0 } });
const chat = createChat({ hub });
const { port, grpc } = await hub.listen({ port: 0 });
hub.action("sum.add", anything, (context, input) => ({ sum: input.a + input.b }));
const client = connect("ws://127.0.0.1:" + port + "/ws", { user: "alice" });
const received = new Promise((resolve) => client.on("chat", resolve));
await client.ready;
const receipt = await hub.user("alice").send({ type: "chat", data: { text: "Hello" }, ack: true });
const { data } = await received;
const { sum } = await client.request("sum.add", { a: 1, b: 2 });
const group = await client.request("chat.create", { name: "friends" });
const shop = new DatabaseSync("shop.db", { timeout: 5_000 });
shop.exec(outboxSchema("sqlite") + "INSERT INTO tidings_outbox (channel, type) VALUES ('user:alice', 'ordered')");
const ordered = new Promise((resolve) => client.on("ordered", ({ type }) => resolve(type)));
const relay = createRelay({ database: "sqlite:shop.db", hub });
const relayed = await ordered;
await relay.close();
await client.close();
await hub.close();
await chat.close();
const logged = (await sqliteSink("log.db").search({ limit: 1, type: "chat" })).messages.map((message) => message.data);
const withoutPg = (() => { try { postgresSink("postgres://127.0.0.1/x"); } catch (error) { return error.message; } })();
const thrown = await client.request("x.y").catch((error) => error);
const same = [thrown instanceof TidingsError, thrown instanceof ClientError, thrown instanceof RetryError];
console.log(JSON.stringify({ grpc: grpc.host, same, relayed, logged, withoutPg, state: receipt.state, data, sum, group: group.name, limited, kicked: CLOSE.kicked.code, codes: "internal" in ERROR_CODES, contract: typeof backplaneContract, offline: typeof connectOffline }));
`;

/** The smallest Standard Schema: lets everything pass. */
const ANYTHING = `
const anything = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
`;

const TYPED = `
import { serve } from "@hono/node-server";
import { pino } from "pino";
import { z } from "zod";
import { type Backplane, createHub, defineApi, type HubOptions, jwt, refuse } from "tidings";
import { type Client, connect, type Message, type Status } from "tidings/client";
import { connectOffline, type OfflineClient, type OutboxMessage } from "tidings/client/offline";
import { type ChatOptions, createChat } from "tidings/chat";
import { createRateLimiter, expressMiddleware, type RateLimitConfig, type RateStore } from "tidings/limit";
import { type LogRecord, type MessageSink, postgresSink } from "tidings/log";
import { createRelay, type Relay } from "tidings/outbox";
import { type ErrorCode, shouldReconnect } from "tidings/protocol";
import { createHooks, useMessages } from "tidings/react";
import { messagesStore, toReadable } from "tidings/stores";
import type { Implementation } from "tidings/testing";

interface Events {
  chat: { text: string };
  typing: undefined;
}

const options: HubOptions = { auth: jwt({ secret: "x".repeat(32) }), websocket: { shardCount: 4 } };
const hub = createHub<Events>(options);
hub.on("connect", ({ connection }) => {
  if (connection.user === "mallory") throw refuse("no");
});
const receipt = await hub.user("bob").send({ type: "chat", data: { text: "Hello" }, ack: true });
const offset: number | undefined = receipt.offset;
// @ts-expect-error the data of a chat has a text
await hub.broadcast({ type: "chat", data: { txt: "Hello" } });
// @ts-expect-error there are no such messages
await hub.group("g").send({ type: "other" });

const client = connect<Events>("wss://example.com/ws", { token: async () => "…" });
client.on("chat", (message: Message<Events, "chat">) => message.data.text.toUpperCase());
client.onStatus((status: Status) => status.type === "lost" && status.channel);
// @ts-expect-error the data of a chat is no number
await client.send({ type: "chat", to: "bob", data: 1 });
const code: ErrorCode = "timeout";
const chatOptions: ChatOptions<Events> = { hub, direct: "anyone", limits: { textLength: 1_000 } };
await createChat(chatOptions).ready;

// With exactOptionalPropertyTypes: options that an application does not know may be undefined.
const unknown: undefined = undefined;
createHub({ authorize: unknown, logger: unknown, redis: unknown, websocket: { shardCount: unknown } });
hub.attach(serve({ fetch: () => new Response() }));
await hub.listen({ port: unknown, host: unknown });
await hub.user("bob").kick({ reason: unknown, notice: unknown, platform: unknown });
await hub.group("g").history({ before: unknown, limit: unknown });
await hub.presence.online({ limit: 10, cursor: unknown });
await hub.user("bob").send({ type: "typing", data: unknown, from: unknown, key: unknown }, { signal: unknown, retry: { attempts: 2, delayMs: unknown } });
await hub.batch([{ op: "send", to: "bob", group: unknown, type: "typing", platforms: unknown }, { op: "kick", user: "bob", reason: unknown }]);
await hub.token({ user: "bob", expiresInSeconds: unknown, platform: unknown, can: unknown });
createHub({ auth: { mode: "token", cookies: unknown, authenticate: async () => ({ user: "bob", expiresAt: unknown, platform: unknown, can: { join: unknown } }) } });
await client.presence({ users: unknown, group: unknown });
connect("/ws", { token: unknown, user: unknown, storage: unknown, reconnect: { minMs: unknown } });

// Any logger.
for (const logger of [console, pino(), { info() {}, warn() {}, error() {} }]) createHub({ logger });
declare const backplane: Backplane;
const implementation: Implementation = {
  nodes: 1,
  createCluster: async () => ({ backplanes: [backplane], now: Date.now, advance: async () => {}, loseHistories: async () => {} }),
};
export { implementation };
createHub({ backplane });
createHub({ logger: { info: (text: string, fields: object) => text + fields, warn: console.warn, error: console.error } });
// @ts-expect-error a logger needs three methods
createHub({ logger: { info() {} } });

const api = defineApi({
  events: { shipped: z.object({ order: z.int() }) },
  actions: { "order.ship": { input: z.object({ order: z.int() }), reply: z.string() } },
});
const declared = createHub({ api });
declared.action("order.ship", (context, { order }) => context.user + order.toFixed());
// @ts-expect-error the data is missing
await declared.user("a").send({ type: "shipped" });
const typed = connect<typeof api>("/ws", { user: "a" });
const reply: string = await typed.request("order.ship", { order: 7 });
// @ts-expect-error there is no such action
await typed.request("typo");

const orders = createHooks<typeof api>();
export const shown = () => orders.useMessages("group:orders", { types: ["shipped"] }).messages.map(({ data }) => data.order.toFixed());
export const shippedNow = () => orders.useRequest("order.ship", { order: 7 }, { enabled: unknown }).data?.toUpperCase();
export const anything = () => useMessages("all", { join: unknown, max: unknown }).loadOlder();
toReadable(messagesStore(typed, "group:orders")).subscribe(({ messages }) => messages[0]?.data.order.toFixed());
const offline: OfflineClient<typeof api> = connectOffline<typeof api>("/ws", { user: "a", token: unknown, worker: unknown, repeatWithinMs: unknown });
const anyClient: Client<typeof api> = offline;
const waiting: readonly OutboxMessage<typeof api>[] = offline.outbox.messages;
// @ts-expect-error there is no such message
await offline.send({ type: "typo", to: "bob" });
// @ts-expect-error a group of tabs is one user's
connectOffline("/ws", {});

const relay: Relay = createRelay({ database: "postgres://localhost/x", hub: declared, pollMs: unknown, retryMs: unknown, report: unknown });
createRelay({ database: "sqlite:x", hub: { url: "https://example.com", apiKey: "k" } });
// @ts-expect-error a hub elsewhere needs a key
createRelay({ database: "sqlite:x", hub: { url: "https://example.com" } });
const sink: MessageSink = { write: async (records: readonly LogRecord[], refuse) => records.forEach((record) => refuse(record, record.kind)) };
createHub({ messageLog: sink });
createHub({ messageLog: unknown });
createHub({ messageLog: postgresSink("postgres://localhost/x") });

const limits: RateLimitConfig = { rate: "200-M", identifier: "ip+route" };
const store: RateStore = { take: async (key, rate) => ({ allowed: key !== "" && rate.limit > 1, count: 1, resetMs: 1 }) };
export const limit = expressMiddleware(createRateLimiter({ ...limits, store }));
// @ts-expect-error there is no such identifier
createRateLimiter({ rate: "200-M", identifier: "cookie" });
export { anyClient, code, offset, relay, reply, shouldReconnect, waiting };
`;

const TYPESCRIPT = {
  compilerOptions: {
    target: "es2024",
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    // The declarations that the package brings are checked too.
    skipLibCheck: false,
    noEmit: true,
  },
  files: ["typed.mts"],
};

describe("the packed package", () => {
  const project = mkdtempSync(join(tmpdir(), "tidings-user-"));
  const installed = join(project, "node_modules/tidings");
  let tarball: string;

  beforeAll(async () => {
    const directory = await builtPackage();
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", project];
    const { stdout } = await run("npm", pack, { cwd: directory });
    const [{ filename }] = JSON.parse(stdout);
    tarball = join(project, filename);
    writeFileSync(join(project, "package.json"), '{ "name": "user", "private": true }');
    await run("npm", ["install", "--no-audit", "--no-fund", `./${filename}`], { cwd: project });
    writeFileSync(join(project, "round-trip.mjs"), ANYTHING + ROUND_TRIP);
    writeFileSync(join(project, "typed.mts"), TYPED);
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(TYPESCRIPT));
  });

  afterAll(() => rmSync(project, { recursive: true }));

  const inProject = async (command: string, ...args: string[]): Promise<string> =>
    (await run(command, args, { cwd: project })).stdout;

  it("holds the build, the docs, the examples, the deployment and the licence, and no sources or tests", () => {
    const names = readdirSync(installed);
    expect(names.toSorted()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
      "deploy",
      "dist",
      "docs",
      "examples",
      "package.json",
      "proto",
    ]);
    expect(globSync("**/*.proto", { cwd: join(installed, "proto") })).toEqual(["tidings/v1/tidings.proto"]);
    expect(readdirSync(join(installed, "docs"))).toContain("PROTOCOL.md");
  });

  it("has no link to a file that it does not hold", () => {
    const pages = globSync("**/*.md", { cwd: installed }).map((path) => readPage(path, installed));
    expect(pages.map(({ path }) => path)).toContain("docs/PROTOCOL.md");
    const broken = pages.flatMap((page) =>
      localLinks(page)
        .filter(
          (link) =>
            !existsSync(join(installed, normalize(join(dirname(page.path), link.replace(/#.*/, ""))))),
        )
        .filter((link) => !link.startsWith("#"))
        .map((link) => `${page.path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("runs nothing where it is installed", () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const hooks = [
      "preinstall",
      "install",
      "postinstall",
      "prepublish",
      "preprepare",
      "prepare",
      "postprepare",
    ];
    expect(hooks.filter((name) => name in scripts)).toEqual([]);
  });

  it("has a manifest without faults, by publint", async () => {
    const data = readFileSync(tarball);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(data).buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  it("has types that each module resolution finds, by attw", async () => {
    const attw = join(REPOSITORY, "node_modules/@arethetypeswrong/cli/dist/index.js");
    // `require` of ESM works from Node 22.12 on, so the package has no second build. Node 10 knows no `exports`.
    const options = ["--profile", "esm-only", "--no-emoji", "--no-color"];
    // Rejects when a problem is found that the profile does not ignore.
    const output = await inProject(process.execPath, attw, tarball, ...options);
    expect(output.match(/"tidings.*OK \(ESM\)/g)).toHaveLength(12);
  });

  it("carries a message from a hub to a client, and a request back", async () => {
    const output = await inProject(process.execPath, "round-trip.mjs");
    expect(JSON.parse(output)).toEqual({
      grpc: "127.0.0.1",
      state: "acked",
      data: { text: "Hello" },
      relayed: "ordered",
      logged: ['{"text":"Hello"}'],
      withoutPg: "messageLog: PostgreSQL needs the package pg: npm install pg",
      sum: 3,
      group: "friends",
      same: [true, true, false],
      limited: [true, false],
      kicked: 4501,
      codes: true,
      contract: "function",
      offline: "function",
    });
  });

  it("has a command line", async () => {
    const help = await inProject("npx", "tidings", "--help");
    for (const command of ["serve", "config", "token", "send", "users"])
      expect(help).toContain(`  ${command} `);
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
    expect((await inProject("npx", "tidings", "--version")).trim()).toBe(version);
  });

  it.each(["start", "dev"])("has the page %s", (page) => {
    expect(readdirSync(join(installed, "dist/web", page))).toContain("index.html");
  });

  it("has types that pass a strict check without skipLibCheck", async () => {
    mkdirSync(join(project, "node_modules/@types"), { recursive: true });
    for (const name of ["@types/node", "undici-types", "@types/react", "csstype"]) {
      symlinkSync(join(REPOSITORY, "node_modules", name), join(project, "node_modules", name));
    }
    const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const checked = await inProject(process.execPath, compiler, "-p", ".").catch(({ stdout }) => stdout);
    expect(checked).toBe("");
  });

  it("has declarations without internals", () => {
    const text = readFileSync(join(installed, "dist/index.d.mts"), "utf8");
    expect(text).not.toMatch(/#private|\bprivate\b|ZodObject|ZodDiscriminatedUnion/);
    expect(text).not.toMatch(
      /\b(class|interface|type) (Connection|Router|Publisher|Members|Gateway|Outbox)\b/,
    );
  });

  it("has declarations that import no more than a user meets", () => {
    const allowed: Readonly<Record<string, readonly string[]>> = {
      index: ["@standard-schema/spec", "node:http", "node:http2"],
      chat: [],
      limit: ["node:http"],
      log: [],
      outbox: [],
      message: [], // the thread of the message log
      protocol: ["@standard-schema/spec"],
      client: [],
      react: ["react"],
      rooms: [],
      stores: [],
      offline: [],
      testing: [],
      backplane: [], // what index and testing share
      cli: [],
    };
    for (const name of readdirSync(join(installed, "dist")).filter((each) => /\.d\.m?ts$/.test(each))) {
      const text = readFileSync(join(installed, "dist", name), "utf8");
      const [entry = ""] = /^[a-z]+/.exec(name) ?? [];
      const imported = [...text.matchAll(/^import .* from "([^".][^"]*)";$/gm)].map(([, source]) => source);
      expect(allowed, name).toHaveProperty(entry);
      expect(
        imported.filter((source) => !allowed[entry]?.includes(source ?? "")),
        name,
      ).toEqual([]);
      const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
      expect(code, name).not.toMatch(/\bTABLE\b|\bKey<|ShapeOf|ZodType|\bz\./);
    }
    // The configuration is written out, with a comment for each setting. What several entries share is in a file of its own.
    const files = readdirSync(join(installed, "dist")).filter((each) => /^index\b.*\.d\.mts$/.test(each));
    const text = files.map((each) => readFileSync(join(installed, "dist", each), "utf8")).join("\n");
    expect(text).toContain(
      "  /** Port to listen on; 0 takes a free one. @default `8080` */\n  readonly port: number;\n",
    );
    expect(text).toMatch(/interface Config \{\n {2}\/\*\* .* \*\/\n {2}readonly host\?: string;\n/);
  });

  it.each([
    ["client", []],
    ["rooms", []],
    ["stores", ["./stores-*.js"]], // which the hooks have too
    ["react", ["./stores-*.js", "react"]],
  ])("has %s.js without any Node API, and with %s only", (name, expected) => {
    const text = readFileSync(join(installed, `dist/${name}.js`), "utf8");
    const imports = [...text.matchAll(/(?:\bfrom|\bimport\()\s*["']([^"']+)["']/g)].map(([, from]) => from);
    expect(imports.map((from = "") => from.replace(/-[\w-]{8}\.js$/, "-*.js")).toSorted()).toEqual(expected);
    expect(text).not.toMatch(/\bprocess\.|\bBuffer\b|\brequire\(/);
  });

  it("marks the hooks as code of the client, which Next.js asks for", () => {
    expect(readFileSync(join(installed, "dist/react.js"), "utf8")).toMatch(/^"use client";/);
  });
});
