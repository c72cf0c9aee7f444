import { expect, test } from "vitest";
import { TidingsError } from "../../../src/client/client.ts";
import { FakeServer } from "../fake-server.ts";
import { Observed } from "../harness.ts";

const RECEIPT = { state: "stored", id: "m1", timestamp: 1, offset: 1, connections: 0 };

test.each([
  ["4500", (server: FakeServer) => server.accept().then((connection) => connection.close(4500))],
  ["4005", (server: FakeServer) => server.accept().then((connection) => connection.close(4005))],
  ["the error reply `unauthorized`", (server: FakeServer) => refuseLogin(server, "unauthorized")],
  ["the error reply `token_expired`", (server: FakeServer) => refuseLogin(server, "token_expired")],
])(
  "a token refused with %s is asked for again, because the first may just have expired",
  async (_how, refuse) => {
    await using server = await FakeServer.listen();
    let asked = 0;
    await using alice = new Observed(server.url, { token: () => `token ${++asked}` });
    await refuse(server);
    await server.login();
    await alice.client.ready;
    expect(asked).toBe(2);
  },
);

async function refuseLogin(server: FakeServer, code: string): Promise<void> {
  const connection = await server.accept();
  connection.refuse(await connection.next(), code);
}

test.each([
  ["unauthorized", 4500, false],
  ["token_expired", 4005, false],
  ["limit", 4503, false],
  ["refused", 4504, false],
  ["forbidden", 4504, false],
  ["bad_request", 4505, false],
  ["blocked", 4506, false],
  ["internal", 4004, true],
  ["conflict", 4004, true],
  ["rate_limited", 4006, true],
])("a login that is refused with the error `%s` ends with %i", async (error, code, willRetry) => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { token: "constant" });
  await refuseLogin(server, error);
  expect(await alice.status("closed")).toMatchObject({ code, willRetry });
});

test("tokens that are refused five times in a row end the session", async () => {
  await using server = await FakeServer.listen();
  let asked = 0;
  await using alice = new Observed(server.url, { token: () => `token ${++asked}` });
  for (let refusal = 0; refusal < 5; refusal++) (await server.accept()).close(4500, "not valid");
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unauthorized", retryable: false });
  expect(asked).toBe(5);
});

test("a welcome forgets earlier refusals", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { token: () => "token" });
  for (let round = 0; round < 2; round++) {
    for (let refusal = 0; refusal < 4; refusal++) (await server.accept()).close(4500);
    (await server.login()).cut();
    await alice.status("open", round + 1);
  }
  await server.login();
  await alice.status("open", 3);
});

test.each([4500, 4005])("a constant token that is refused with %i ends the session", async (code) => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { token: "constant" });
  (await server.accept()).close(code, "no");
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unauthorized" });
});

test.each([
  [4501, "kicked"],
  [4502, "replaced"],
  [4503, "limit"],
  [4504, "refused"],
  [4505, "bad_request"],
  [4506, "blocked"],
  [1008, "bad_request"],
])("close code %i ends the session with the error `%s`", async (code, error) => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const connection = await server.login();
  const pending = alice.client.request("ask");
  const waiting = alice.client.send({ type: "chat", to: "bob" });
  await connection.next();
  connection.close(code, "over");
  const over = { code: error, retryable: false };
  await expect(pending).rejects.toMatchObject(over);
  await expect(waiting).rejects.toMatchObject(over);
  await expect(alice.client.request("ask")).rejects.toMatchObject(over);
  expect(await alice.status("closed")).toMatchObject({ code, willRetry: false, error: over });
});

test("trouble with the network is no end of the session", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  (await server.login()).cut();
  expect(await alice.status("closed")).toMatchObject({ code: 1006, willRetry: true });
  expect(alice.all("closed")[0]).not.toHaveProperty("error");
});

test.each([
  [
    "throws an error that is not retryable",
    () => Promise.reject(new TidingsError("unauthorized", "signed out")),
  ],
  [
    "throws another copy's error",
    () => Promise.reject(Object.assign(new Error("signed out"), { code: "unauthorized", retryable: false })),
  ],
  ["returns undefined", () => undefined],
  ["returns null", async () => null],
  ["returns an empty text", () => ""],
])("a token provider that %s gives up", async (_how, token) => {
  await using alice = new Observed("ws://127.0.0.1:9", { token });
  await expect(alice.client.ready).rejects.toMatchObject({ code: "unauthorized" });
  expect(alice.all("closed")).toMatchObject([{ willRetry: false, error: { code: "unauthorized" } }]);
});

test("a login is renewed at two thirds of its lifetime, also when the server's notice comes at once", async () => {
  await using server = await FakeServer.listen();
  let asked = 0;
  await using alice = new Observed(server.url, { token: () => `token ${++asked}` });
  const connection = await server.login({ expiresAt: Date.now() + 1_500 });
  const notice = { event: "notice", code: "token_expiring", message: "soon" };
  for (let n = 0; n < 5; n++) connection.send(notice);
  await alice.status("notice", 5);
  expect(asked).toBe(1);
  const renewal = await connection.next();
  expect(renewal.data).toEqual({ token: "token 2" });
});

test("calls that nobody awaits do not end the process", async () => {
  const seen: unknown[] = [];
  const note = (error: unknown): void => void seen.push(error);
  process.on("unhandledRejection", note);
  await using server = await FakeServer.listen();
  {
    await using alice = new Observed(server.url);
    void alice.client.send({ type: "typing", to: "bob", ephemeral: true });
    void alice.client.send({ type: "chat", to: "bob", data: 1n });
    const connection = await server.login();
    await alice.client.ready;
    void alice.client.request("forbidden");
    connection.refuse(await connection.next(), "forbidden");
    const { client } = alice;
    void client.send({ type: "chat", to: "bob" });
    for (const call of [
      client.join("g"),
      client.leave("g"),
      client.members("g"),
      client.history(),
      client.presence(),
      client.watchPresence({ all: true }),
      client.request("ask"),
    ])
      void call;
    await connection.next();
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(seen).toEqual([]);
});

test("a paused client keeps its calls, and resumes with them and its positions", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  first.position("user:alice", { epoch: "e", offset: 3 });
  await alice.client.ready;
  const written = alice.client.send({ type: "chat", to: "bob", data: "written" });
  await first.next();
  alice.client.pause();
  expect(await first.ended).toBe(1000);
  expect(alice.client.state).toBe("paused");
  const queued = alice.client.send({ type: "chat", to: "bob", data: "queued" });
  alice.client.resume();
  const second = await server.accept();
  const login = await second.next();
  expect(login.data.resume).toEqual({ "user:alice": { epoch: "e", offset: 3 } });
  second.welcome();
  second.reply(login, {});
  for (const data of ["written", "queued"]) {
    const frame = await second.next();
    expect(frame.data).toBe(data);
    second.reply(frame, RECEIPT);
  }
  expect(await Promise.all([written, queued])).toEqual([RECEIPT, RECEIPT]);
  expect(alice.statuses.map(({ type }) => type)).toEqual([
    "connecting",
    "open",
    "paused",
    "connecting",
    "open",
  ]);
});

test("a pause while a login is on its way does not harm the next attempt", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.accept();
  await first.next();
  alice.client.pause();
  alice.client.resume();
  await server.login();
  await alice.client.ready;
  expect(alice.all("error")).toEqual([]);
  expect(alice.all("closed")).toEqual([]);
});

test("a disconnected client rejects pending calls, and connects again", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const first = await server.login();
  await alice.client.ready;
  const pending = alice.client.send({ type: "chat", to: "bob" });
  await first.next();
  alice.client.disconnect();
  await expect(pending).rejects.toMatchObject({ code: "unavailable" });
  expect(await first.ended).toBe(1000);
  alice.client.connect();
  await server.login();
  await alice.status("open", 2);
});

test("`connect` ends a backoff, and is an error after `close`", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url, { reconnect: { minMs: 1e9, maxMs: 1e9 } });
  (await server.login()).cut();
  await alice.status("closed");
  alice.client.connect();
  await server.login();
  await alice.status("open", 2);
  await alice.client.close();
  expect(() => alice.client.connect()).toThrow("closed");
  alice.client.resume();
  alice.client.pause();
  expect(alice.client.state).toBe("closed");
});

test("a signal rejects a call with its reason, and a call that waits is never written", async () => {
  await using server = await FakeServer.listen();
  await using alice = new Observed(server.url);
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const waiting = [
    alice.client.send({ type: "chat", to: "bob", data: "never" }, { signal }),
    alice.client.request("never", 1, { signal }),
    alice.client.join("never", { signal }),
    alice.client.history({}, { signal }),
  ];
  giveUp.abort(new Error("enough"));
  for (const call of waiting) await expect(call).rejects.toThrow("enough");
  await expect(alice.client.members("g", { signal })).rejects.toThrow("enough");
  const connection = await server.login();
  const asked = alice.client.request("ask", 1, { signal: AbortSignal.timeout(20) });
  expect((await connection.next()).action).toBe("ask");
  await expect(asked).rejects.toMatchObject({ name: "TimeoutError" });
});
