import { setImmediate } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { ConnectOptions } from "../../../src/client/client.ts";
import type { HubOptions, Receipt } from "../../../src/index.ts";
import { Observed } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, isMessage, type Peer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
  return () => redis[Symbol.asyncDispose]();
});

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const offsets = (peer: Peer): unknown[] => peer.messages.map(({ offset }) => offset);
const positionOf = (peer: Peer, channel: string): Frame | undefined =>
  peer.frames.findLast((frame) => frame.event === "position" && frame.channel === channel);

let prefixes = 0;

describe.each(["memory", "redis"])("with %s", (backplane) => {
  const start = (options: HubOptions = {}): Promise<RunningHub> => {
    const cluster = { prefix: `rewind${++prefixes}:` };
    return startHub({ ...options, ...(backplane === "redis" && { redis: redis.url, cluster }) });
  };
  const observe = (url: string, user: string, options: ConnectOptions = {}): Observed => {
    const observed = new Observed(url, { user, ...options });
    onTestFinished(() => observed.client.close());
    return observed;
  };

  test("a join with `last` gets the newest messages, then the live ones, without a gap or a double", async () => {
    const { hub, url } = await start();
    for (const data of upTo(300)) await hub.group("g").send({ type: "n", data });
    const alice = observe(url(), "alice");
    let sent = 300;
    let isOver = false;
    const sending = (async () => {
      while (!isOver) {
        await hub.group("g").send({ type: "n", data: ++sent });
        // In memory a send takes no turn of the event loop.
        await setImmediate();
      }
    })();

    const joined = await alice.client.join("g", { last: 200 });
    isOver = true;
    await sending;
    await hub.group("g").send({ type: "n", data: ++sent });
    await alice.until(() => alice.received.includes(sent));

    expect(joined.recovered).toBe(true);
    expect(alice.received).toEqual(upTo(sent).slice(joined.offset));
    expect(joined.offset).toBeGreaterThanOrEqual(100);
    expect(sent - joined.offset).toBeGreaterThan(200);
    expect(alice.all("lost")).toEqual([]);
  });

  test("a reconnect continues at the position, and does not rewind again", async () => {
    const { hub, url } = await start();
    for (const data of upTo(10)) await hub.group("g").send({ type: "n", data });
    const sockets: WebSocket[] = [];
    class Cuttable extends WebSocket {
      constructor(...args: [string, string]) {
        super(...args);
        sockets.push(this);
      }
    }
    const alice = observe(url(), "alice", { WebSocket: Cuttable });
    await alice.client.join("g", { last: 3 });
    await alice.until(() => alice.received.length === 3);

    for (const socket of sockets) socket.terminate();
    await alice.until(() => alice.all("open").length === 2);
    await hub.group("g").send({ type: "n", data: 11 });
    await alice.until(() => alice.received.includes(11));
    expect(alice.received).toEqual([8, 9, 10, 11]);
  });

  test("a join with `since` starts at the first message that is not older, with both at the later start", async () => {
    const { hub, url } = await start();
    const receipts: Receipt[] = [];
    for (const data of upTo(6)) {
      const receipt = await hub.group("g").send({ type: "n", data });
      receipts.push(receipt);
      // The clocks of this machine and of Redis are one.
      await eventually("the next message is younger", () => Date.now() > receipt.timestamp + 1);
    }
    const time = receipts[3]?.timestamp ?? expect.fail("not sent");
    const got = async (rewind: object): Promise<unknown[]> => {
      const peer = await connectPeer(url({ user_id: `user-${Math.random()}` }));
      expect(await peer.request("group.join", { group: "g", ...rewind })).toMatchObject({
        data: { recovered: true },
      });
      await peer.caughtUp();
      return offsets(peer);
    };

    expect(await got({ since: time })).toEqual([4, 5, 6]);
    expect(await got({ since: new Date(time) })).toEqual([4, 5, 6]);
    expect(await got({ since: time, last: 2 })).toEqual([5, 6]);
    expect(await got({ since: time, last: 9 })).toEqual([4, 5, 6]);
    expect(await got({ since: time + 60_000 })).toEqual([]);
    expect(await got({ since: 0 })).toEqual(upTo(6));
    expect(await got({ last: 99 })).toEqual(upTo(6));
    expect(await got({})).toEqual([]);
  });

  test("a position goes before a rewind", async () => {
    const { hub, url } = await start();
    const { epoch } = await hub.group("g").send({ type: "n" });
    for (const _ of upTo(5)) await hub.group("g").send({ type: "n" });
    const peer = await connectPeer(url({ user_id: "bob" }));
    await peer.request("group.join", { group: "g", position: { epoch, offset: 4 }, last: 6 });
    await peer.caughtUp();
    expect(offsets(peer)).toEqual([5, 6]);
  });

  test("the application rewinds connections that it joins, and only those that it says", async () => {
    const running = await start();
    const { hub, url } = running;
    for (const _ of upTo(5)) await hub.group("g").send({ type: "n" });
    const peer = await connectPeer(url({ user_id: "bob" }));
    const connection = { user: "bob", id: String((await peer.frame("welcome")).connection) };
    expect(await hub.group("g").join(connection, { last: 2 })).toBe(true);
    expect((await peer.take(2, isMessage)).map(({ offset }) => offset)).toEqual([4, 5]);
    await hub.group("g").join(connection);
    const { at } = running;
    await hub.group("h").send({ type: "n" });
    await fetch(`${at.url}/groups/h/members`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "bob", last: 1 }),
    });
    expect(await peer.next(({ group }) => group === "h")).toMatchObject({ offset: 1 });
    await hub.group("i").send({ type: "n" });
    await hub.group("i").add("bob");
    await peer.caughtUp();
    expect(peer.messages).toHaveLength(3);
    await expect(hub.group("g").join(connection, { last: 0 })).rejects.toMatchObject({
      message: "last: expected a whole number from 1",
    });
    await expect(hub.group("g").join(connection, { since: new Date("?") })).rejects.toMatchObject({
      message: "since: expected milliseconds since 1970, or a date",
    });
  });

  describe("a last-value channel", () => {
    const history = {
      channels: { "group:price-*": { last: true }, "user:*": { last: true }, all: { last: true } },
    } as const;

    test("keeps the newest message, and gives it to everyone who joins", async () => {
      const { hub, url } = await start({ history });
      for (const data of upTo(30)) await hub.group("price-1").send({ type: "n", data });
      expect((await hub.group("price-1").history()).messages).toMatchObject([{ data: 30 }]);

      const alice = observe(url(), "alice");
      await alice.client.join("price-1");
      await alice.until(() => alice.received.length === 1);
      await hub.group("price-1").send({ type: "n", data: 31 });
      await alice.until(() => alice.received.includes(31));
      expect(alice.received).toEqual([30, 31]);

      const peer = await connectPeer(url({ user_id: "bob" }));
      for (const _ of upTo(2)) await peer.request("group.join", { group: "price-1" });
      await peer.caughtUp();
      expect(offsets(peer)).toEqual([31, 31]);
    });

    test("gives it at each login without a position, also to a device that has acknowledged it", async () => {
      const { hub, url } = await start({ history });
      await hub.user("bob").send({ type: "n", data: "old" });
      await hub.user("bob").send({ type: "n", data: "own" });
      await hub.broadcast({ type: "n", data: "everyone" });
      for (const _ of upTo(2)) {
        const peer = await connectPeer(url({ user_id: "bob" }));
        const messages = await peer.take(2, isMessage);
        expect(messages.map(({ data }) => data).sort()).toEqual(["everyone", "own"]);
        expect(await peer.request("message.ack", { offset: 2 })).toMatchObject({ data: { offset: 2 } });
        peer.end();
      }
    });

    test("misses nothing when older values are gone: a client that was away gets the newest, and no loss", async () => {
      const { hub, url } = await start({ history });
      const { epoch } = await hub.group("price-1").send({ type: "n", data: 1 });
      const peer = await connectPeer(url({ user_id: "bob" }));
      const position = { epoch, offset: 1 };
      for (const data of upTo(20)) await hub.group("price-1").send({ type: "n", data });
      await peer.request("group.join", { group: "price-1", position });
      await peer.caughtUp();
      expect(offsets(peer)).toEqual([21]);
      expect(positionOf(peer, "group:price-1")).toMatchObject({ offset: 20, recovered: true, missed: false });
    });
  });
});

test("a rewind needs the right to read the history, and a refusal leaves no membership", async () => {
  const { hub, url } = await startHub({ policy: { history: "granted", join: "anyone" } });
  await hub.group("g").send({ type: "n" });
  const peer = await connectPeer(url({ user_id: "bob" }));
  expect(await peer.request("group.join", { group: "g", last: 1 })).toMatchObject({
    error: { code: "forbidden" },
  });
  expect((await hub.group("g").count()).online).toBe(0);
  await hub.group("g").send({ type: "n" });
  await peer.caughtUp();
  expect(peer.messages).toEqual([]);
  expect(await peer.request("group.join", { group: "g" })).toMatchObject({ data: { offset: 2 } });
});

test("a bad rewind is refused with what was expected", async () => {
  const { url } = await startHub();
  const peer = await connectPeer(url({ user_id: "bob" }));
  const refused = async (rewind: object): Promise<string> =>
    JSON.stringify(await peer.request("group.join", { group: "g", ...rewind }));
  for (const last of [0, -1, 1.5, "3", null]) expect(await refused({ last })).toContain("last: ");
  for (const since of [-1, 1.5, "yesterday", null])
    expect(await refused({ since })).toContain("since: expected milliseconds since 1970");
});
