import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket as WebSocketOfNode } from "ws";
import { type ConnectOptions, connect } from "../../../src/client/client.ts";
import { FakeServer } from "../fake-server.ts";
import { Observed, QUICK } from "../harness.ts";

const URL_OF_NOBODY = "ws://127.0.0.1:9/ws";

/** Every option with a value of its own. */
const OPTIONS: Required<ConnectOptions> = {
  token: "t",
  user: "alice",
  anonymous: true,
  cookies: true,
  platform: "web",
  device: "d",
  positions: {},
  storage: false,
  autoAck: true,
  queueLimit: 1,
  timeoutMs: 1,
  connectTimeoutMs: 1,
  listenerTimeoutMs: 1,
  reconnect: {},
  WebSocket: WebSocket as never,
};

test("an option that is undefined has its default", async () => {
  await using server = await FakeServer.listen();
  const nothing = Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, undefined]));
  const reconnect = { minMs: undefined, maxMs: undefined, maxAttempts: undefined };
  await using alice = new Observed(server.url, { ...nothing, reconnect, user: "alice" });
  const connection = await server.login();
  await alice.client.ready;
  connection.position("user:alice", { epoch: "e", offset: 0 });
  connection.push(1);
  expect(await connection.next()).toMatchObject({ action: "message.ack", data: { offset: 1 } });
  const asked = alice.client.request("ask", 1, {
    timeoutMs: undefined,
    idempotent: undefined,
    signal: undefined,
  });
  connection.reply(await connection.next(), 2);
  expect(await asked).toBe(2);
  connection.cut();
  // A delay of NaN would be none.
  expect((await alice.status("closed")).delayMs).toBeGreaterThanOrEqual(0);
});

test("a request whose `idempotent` is undefined is not repeated", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const pay = alice.client.request("shop.pay", 1, { idempotent: undefined });
  await connection.next();
  connection.cut();
  await expect(pay).rejects.toMatchObject({ code: "unavailable" });
});

const BAD: [string, unknown][] = [
  ...["timeoutMs", "connectTimeoutMs", "listenerTimeoutMs", "queueLimit"].flatMap((name) =>
    [Number.NaN, -1, "5", null].map((value): [string, unknown] => [name, value]),
  ),
  ...["minMs", "maxMs", "maxAttempts"].flatMap((name) =>
    [Number.NaN, -1, 0, "5", null].map((value): [string, unknown] => [`reconnect.${name}`, value]),
  ),
  ["reconnect", false],
  ["token", ""],
  ["token", null],
  ["token", 7],
  ["user", ""],
  ["user", 7],
  ["positions", null],
  ["autoAck", "no"],
  ["WebSocket", {}],
];

test.each(BAD)("`%s` that is %s is a bad request that names the option", (name, value) => {
  const [option = "", nested] = name.split(".");
  const options = { user: "alice", [option]: nested === undefined ? value : { [nested]: value } };
  expect(() => connect(URL_OF_NOBODY, options)).toThrow(
    expect.objectContaining({ code: "bad_request", message: expect.stringContaining(nested ?? option) }),
  );
});

test.each([Number.NaN, -1, 0])("a timeout of a call that is %s is a bad request", async (timeoutMs) => {
  await using alice = new Observed(URL_OF_NOBODY);
  const bad = { code: "bad_request" };
  await expect(alice.client.send({ type: "chat", to: "bob", timeoutMs })).rejects.toMatchObject(bad);
  await expect(alice.client.request("ask", 1, { timeoutMs })).rejects.toMatchObject(bad);
});

test("`to` or `group` that is undefined is an error, because the message would go to everyone", async () => {
  await using alice = new Observed(URL_OF_NOBODY);
  for (const target of [{ to: undefined }, { group: undefined }]) {
    const sent = alice.client.send({ type: "chat", ...target });
    await expect(sent).rejects.toMatchObject({ code: "bad_request" });
    expect(() => alice.client.ack({ ...target, offset: 1 } as never)).toThrow("expected an id");
  }
});

test("a client without credentials is told what to give, at once", () => {
  expect(() => connect(URL_OF_NOBODY)).toThrow(/token, user, .*cookies/);
  expect(() => connect(URL_OF_NOBODY, { device: "phone" })).toThrow(/no credentials/);
});

test.each([
  ["ws://HOST/ws#part", {}],
  ["http://HOST/ws?x=1#part?user_id=eve", {}],
])("a fragment is dropped from %s", async (url, options) => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(url.replace("HOST", `127.0.0.1:${server.port}`), options);
  const connection = await server.accept();
  connection.welcome();
  await alice.client.ready;
  expect(connection.path).not.toContain("part");
});

test("a URL is relative to the page, where there is one", async () => {
  await using server = await FakeServer.listen();
  expect(() => connect("/ws", { user: "alice" })).toThrow(/expected ws:/);
  vi.stubGlobal("location", { href: `http://127.0.0.1:${server.port}/app/page?q=1#top` });
  await using _alice = new Observed("/ws");
  vi.unstubAllGlobals();
  expect((await server.accept()).path).toBe("/ws");
});

test.each(["", "localhost:8080/ws", "ftp://h/ws", "ws://", "file:///ws"])("%j is no URL of a hub", (url) => {
  expect(() => connect(url, { user: "alice" })).toThrow(expect.objectContaining({ code: "bad_request" }));
});

test("the error about a URL does not show the token in it", () => {
  expect(() => connect("wss:/h/ws?token=s3cret")).toThrow(expect.not.stringContaining("s3cret"));
});

test("a WebSocket class that refuses the URL ends the client, because it always will", async () => {
  class Refusing {
    constructor() {
      throw new SyntaxError("not from a secure page");
    }
  }
  await using alice = new Observed(URL_OF_NOBODY, { WebSocket: Refusing as never });
  await expect(alice.client.ready).rejects.toMatchObject({
    code: "bad_request",
    message: expect.stringContaining("not from a secure page"),
  });
  expect(alice.all("closed")).toMatchObject([{ willRetry: false }]);
});

test("works where `crypto` and TextEncoder are missing, and the class URL adds a slash", async () => {
  await using server = await FakeServer.listen();
  const { URL: RealUrl } = globalThis;
  const addresses: string[] = [];
  class Noting extends WebSocketOfNode {
    constructor(address: string, protocol: string) {
      addresses.push(address);
      // The package itself needs the real class.
      vi.stubGlobal("URL", RealUrl);
      super(address, protocol);
    }
  }
  class NativeUrl {
    readonly href: string;
    constructor(url: string) {
      this.href = url.endsWith("/") ? url : `${url}/`;
    }
  }
  for (const name of ["crypto", "TextEncoder"]) vi.stubGlobal(name, undefined);
  vi.stubGlobal("URL", NativeUrl);
  onTestFinished(() => void vi.unstubAllGlobals());
  const options = { user: undefined, device: "phone 1", WebSocket: Noting as never };
  await using alice = new Observed(`${server.url}?token=t`, options);
  const connection = await server.accept();
  connection.welcome({ limits: { messageBytes: 300 } });
  await alice.client.ready;
  expect(addresses[0]).toMatch(/\/ws\?token=t&device=phone%201&resume=/);
  void alice.client.send({ type: "chat", to: "bob", data: "é" });
  expect((await connection.next()).key).toMatch(/^[\d.e-]{10,}-1$/);
  await expect(alice.client.send({ type: "chat", to: "bob", data: "é".repeat(200) })).rejects.toMatchObject({
    code: "too_large",
  });
});

test("a field that no message has is refused, because it would be lost", async () => {
  await using alice = new Observed(URL_OF_NOBODY);
  const sent = alice.client.send({ type: "chat", to: "bob", dat: 1 } as never);
  const message = "dat: expected it inside data";
  await expect(sent).rejects.toMatchObject({ code: "bad_request", message });
});

class Money {
  readonly cents = 1;
}

test.each([
  ["a BigInt", 1n],
  ["NaN", Number.NaN],
  ["Infinity", [Number.POSITIVE_INFINITY]],
  ["a Map", new Map([[1, 2]])],
  ["a Set", { tags: new Set(["a"]) }],
  ["a Blob", new Blob(["x"])],
  ["bytes", new Uint8Array([1, 2])],
  ["a buffer", new ArrayBuffer(2)],
  ["an error", new Error("x")],
  ["a promise", { later: Promise.resolve(1) }],
  ["a function", { run: () => 1 }],
  ["a symbol", Symbol("x")],
])("data with %s is refused with words", async (_what, data) => {
  await using alice = new Observed(URL_OF_NOBODY);
  const bad = { code: "bad_request", message: expect.stringMatching(/cannot be JSON/) };
  await expect(alice.client.send({ type: "chat", to: "bob", data })).rejects.toMatchObject(bad);
  await expect(alice.client.request("ask", data)).rejects.toMatchObject(bad);
});

test("circular data is refused", async () => {
  await using alice = new Observed(URL_OF_NOBODY);
  const circular: { self?: unknown } = {};
  circular.self = circular;
  await expect(alice.client.request("ask", circular)).rejects.toMatchObject({
    code: "bad_request",
    message: expect.stringContaining("circular"),
  });
});

test("what has a JSON form is sent", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const data = {
    at: new Date(0),
    none: undefined,
    nil: null,
    cost: new Money(),
    list: [true, "x", 1.5],
    bare: Object.create(null),
  };
  void alice.client.request("ask", data);
  expect((await connection.next()).data).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    nil: null,
    cost: { cents: 1 },
    list: [true, "x", 1.5],
    bare: {},
  });
});

test("a message cannot have the type `*`, and one that has it is given once", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  await expect(alice.client.send({ type: "*", to: "bob" })).rejects.toMatchObject({ code: "bad_request" });
  connection.push(1, { type: "*" });
  connection.push(2);
  await alice.until(() => alice.received.includes(2));
  expect(alice.received).toEqual([1, 2]);
});

test("gives up after so many attempts in a row", async () => {
  await using alice = new Observed(URL_OF_NOBODY, { reconnect: { ...QUICK, maxAttempts: 3 } });
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unavailable" });
  expect(alice.all("connecting")).toHaveLength(3);
  expect(alice.all("closed").map(({ willRetry }) => willRetry)).toEqual([true, true, false]);
});
