import { describe, expect, it } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, type Peer } from "../../support/peer.ts";
import { metricsOf } from "./scrape.ts";

/** An hour: no window of a test ends while it runs. */
const whitelistCIDRs: string[] = [];

/** Sends messages to oneself, each to be answered. @returns the answers in the order of the messages */
async function sendAll(peer: Peer, from: number, count: number): Promise<Frame[]> {
  for (let id = from; id < from + count; id++) peer.send({ id, type: "n", to: "nobody", ephemeral: true });
  const answers = await peer.take(
    count,
    ({ id }) => typeof id === "number" && id >= from && id < from + count,
  );
  return answers.sort((one, other) => Number(one.id) - Number(other.id));
}

const codesOf = (answers: readonly Frame[]): unknown[] =>
  answers.map(({ error }) => (error as { code?: string } | undefined)?.code ?? "ok");

const hubWith = (limits: HubOptions["limits"]) => startHub({ limits: { whitelistCIDRs, ...limits } });

describe("a client over the rate of a connection", () => {
  it("is told of each message that is refused, and when to try again; other connections go on", async () => {
    const { url } = await hubWith({ messagesPerConnection: "3-H" });
    const [eve, bob] = [
      await connectPeer(url({ user_id: "eve" })),
      await connectPeer(url({ user_id: "bob" })),
    ];
    const answers = await sendAll(eve, 1, 5);
    expect(codesOf(answers)).toEqual(["ok", "ok", "ok", "rate_limited", "rate_limited"]);
    expect(answers[3]?.error).toEqual({
      code: "rate_limited",
      message: expect.stringMatching(/^too many messages of a connection: try again in \d+ ms$/),
      retryAfterMs: expect.any(Number),
    });
    const { retryAfterMs } = { retryAfterMs: 0, ...(answers[3]?.error as object) };
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(codesOf(await sendAll(bob, 1, 3))).toEqual(["ok", "ok", "ok"]);
  });

  it("is told in the form of the request, also without an id, of a ping, and of input that is no JSON", async () => {
    const running = await hubWith({ messagesPerConnection: "1-H" });
    const { url } = running;
    const eve = await connectPeer(url({ user_id: "eve" }));
    await sendAll(eve, 1, 1);
    eve.send({ type: "n", to: "bob" });
    eve.send({ type: "ping" });
    eve.send("no JSON");
    eve.send({ id: 7, action: "robot.ping" });
    eve.send({ Module: "robot", Action: "Ping", Id: "x" });
    const refusals = await eve.take(4, ({ error }) => error !== undefined);
    expect(refusals.map(({ id, error }) => [id, (error as { code: string }).code])).toEqual([
      [undefined, "rate_limited"],
      [undefined, "rate_limited"],
      [undefined, "rate_limited"],
      [7, "rate_limited"],
    ]);
    expect(await eve.next(({ Module }) => Module === "robot")).toMatchObject({
      Error: { Code: "rate_limited", RetryAfterMs: expect.any(Number) },
    });
    expect((await metricsOf(running)).errors.rate_limited).toBe(2); // the two requests
  });

  it("is closed with 4006 after many refusals, and told when to come back", async () => {
    const { url } = await hubWith({ messagesPerConnection: "1-H", refusalsPerConnection: "3-H" });
    const eve = await connectPeer(url({ user_id: "eve" }));
    for (let id = 1; id <= 6; id++) eve.send({ id, action: "robot.heartBeat" });
    expect(await eve.closed).toEqual({ code: 4006, reason: expect.stringContaining("rate limit") });
    const refused = eve.frames.filter(({ error }) => error !== undefined);
    expect(refused.map(({ id }) => id)).toEqual([2, 3, 4, 5]);
    const notice = eve.frames.find(({ event }) => event === "notice");
    expect(notice).toMatchObject({ code: "rate_limited", reconnectMs: expect.any(Number) });
    expect(Number(notice?.reconnectMs)).toBeGreaterThanOrEqual(5_000);
  });
});

describe("the rate of a user", () => {
  it("counts all connections of the user, and no other user", async () => {
    const { url } = await hubWith({ messagesPerUser: "4-H" });
    const [one, two] = [
      await connectPeer(url({ user_id: "eve" })),
      await connectPeer(url({ user_id: "eve" })),
    ];
    const bob = await connectPeer(url({ user_id: "bob" }));
    expect(codesOf(await sendAll(one, 1, 3))).toEqual(["ok", "ok", "ok"]);
    expect(codesOf(await sendAll(two, 1, 2))).toEqual(["ok", "rate_limited"]);
    expect(codesOf(await sendAll(bob, 1, 4))).toEqual(["ok", "ok", "ok", "ok"]);
  });

  it("is a pace, too: what comes faster than twice the rate is read later, and answered", async () => {
    // Beyond the first 1,000 a thousand a second at least are read, however long the window is.
    const slow = await hubWith({ messagesPerUser: "5000-D" });
    const eve = await connectPeer(slow.url({ user_id: "eve" }));
    const startedAt = performance.now();
    expect(new Set(codesOf(await sendAll(eve, 1, 3_000)))).toEqual(new Set(["ok"]));
    expect(performance.now() - startedAt).toBeGreaterThan(1_500);

    const quick = await hubWith({ messagesPerUser: "600000-M" });
    const alice = await connectPeer(quick.url({ user_id: "alice" }));
    expect(new Set(codesOf(await sendAll(alice, 1, 3_000)))).toEqual(new Set(["ok"]));
  });

  it("is not new for a new connection", async () => {
    const { url } = await hubWith({ messagesPerUser: "2-H" });
    const first = await connectPeer(url({ user_id: "eve" }));
    await sendAll(first, 1, 2);
    await first.close();
    const second = await connectPeer(url({ user_id: "eve" }));
    expect(codesOf(await sendAll(second, 1, 1))).toEqual(["rate_limited"]);
  });
});

describe("the rate of an address", () => {
  it("counts all users there, and no other address", async () => {
    const { url } = await hubWith({ messagesPerAddress: "3-H" });
    const one = await connectPeer(url({ user_id: "eve" }), { localAddress: "127.0.0.7" });
    const two = await connectPeer(url({ user_id: "mallory" }), { localAddress: "127.0.0.7" });
    const bob = await connectPeer(url({ user_id: "bob" }), { localAddress: "127.0.0.8" });
    expect(codesOf(await sendAll(one, 1, 2))).toEqual(["ok", "ok"]);
    expect(codesOf(await sendAll(two, 1, 2))).toEqual(["ok", "rate_limited"]);
    expect(codesOf(await sendAll(bob, 1, 3))).toEqual(["ok", "ok", "ok"]);
  });

  it("does not concern addresses of whitelistCIDRs, which are this machine by default", async () => {
    for (const addresses of [undefined, ["127.0.0.7"]]) {
      const { url } = await startHub({ limits: { messagesPerAddress: "1-H", whitelistCIDRs: addresses } });
      const eve = await connectPeer(url({ user_id: "eve" }), { localAddress: "127.0.0.7" });
      expect(codesOf(await sendAll(eve, 1, 3))).toEqual(["ok", "ok", "ok"]);
    }
  });
});

describe("the rate of an action", () => {
  it("counts the requests of a user for it, and leaves others alone", async () => {
    const { url } = await hubWith({ actionsPerUser: { "robot.ping": "2-H", "message.send": "1-H" } });
    const eve = await connectPeer(url({ user_id: "eve" }));
    const other = await connectPeer(url({ user_id: "eve" }));
    expect(await eve.request("robot.ping", 1)).toMatchObject({ data: 1 });
    expect(await other.request("robot.ping", 2)).toMatchObject({ data: 2 });
    expect(await eve.request("robot.ping", 3)).toMatchObject({
      error: {
        code: "rate_limited",
        message: expect.stringContaining("robot.ping"),
        retryAfterMs: expect.any(Number),
      },
    });
    expect(await eve.request("robot.heartBeat")).toMatchObject({ data: {} });
    expect(codesOf(await sendAll(eve, 1, 2))).toEqual(["ok", "rate_limited"]);
  });
});

describe("stored bytes over the budget", () => {
  it("are refused with the time to wait, and counted with the limits", async () => {
    const running = await startHub({ publish: { storedBytesPerHour: 1_000 } });
    const eve = await connectPeer(running.url({ user_id: "eve" }));
    for (const id of [1, 2]) eve.send({ id, type: "n", to: "bob" });
    expect(await eve.next(({ id }) => id === 2)).toMatchObject({
      error: { code: "rate_limited", retryAfterMs: expect.any(Number) },
    });
    const { denied } = await metricsOf(running);
    expect(denied.stored_bytes).toBe(1);
  });
});

it("by default nobody is limited who sends some hundred messages a second, and all decisions are counted", async () => {
  const running = await startHub({ limits: { whitelistCIDRs } });
  const bob = await connectPeer(running.url({ user_id: "bob" }));
  expect(new Set(codesOf(await sendAll(bob, 1, 500)))).toEqual(new Set(["ok"]));
  const { allowed, denied } = await metricsOf(running);
  expect(allowed).toMatchObject({ messages_connection: 500, messages_user: 500, messages_address: 500 });
  expect(allowed).toMatchObject({ connects_address: 1, connects_node: 1, logins_address: 1, logins_user: 1 });
  expect(Object.values(denied).every((count) => count === 0)).toBe(true);
});

it("off limits nothing", async () => {
  const { url } = await hubWith({
    messagesPerConnection: "off",
    messagesPerUser: "off",
    messagesPerAddress: "off",
  });
  const bob = await connectPeer(url({ user_id: "bob" }));
  expect(new Set(codesOf(await sendAll(bob, 1, 3_000)))).toEqual(new Set(["ok"]));
});
