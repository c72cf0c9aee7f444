import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Frame, type Peer } from "../support/peer.ts";
import { connectRaw, type RawPeer, turns } from "../support/raw.ts";
import { clientFrame, OPCODE, textFrame } from "../support/wire.ts";

const alice = { user_id: "alice" };
const bob = { user_id: "bob" };

/** Records all online and offline events of a hub. */
function changesOf({ hub }: RunningHub): string[] {
  const changes: string[] = [];
  hub.on("online", ({ user }) => changes.push(`${user} online`));
  hub.on("offline", ({ user }) => changes.push(`${user} offline`));
  return changes;
}

const offline = ({ hub }: RunningHub, user: string): Promise<void> =>
  new Promise((resolve) => hub.on("offline", (event) => event.user === user && resolve()));

const ended = ({ hub }: RunningHub): Promise<{ cause: string; connection: { id: string } }> =>
  new Promise((resolve) => hub.on("disconnect", resolve));

const presenceOf = (peer: Peer, user: string): unknown[] =>
  peer.frames
    .filter((frame) => frame.event === "presence" && frame.user === user)
    .map(({ online }) => online);

const idOf = (peer: Peer | RawPeer): unknown => peer.frames[0]?.connection;

describe("two devices of one user", () => {
  it("are online once, and offline only after the second has left", async () => {
    const running = await startHub({ presence: { graceMs: 20 } });
    const changes = changesOf(running);
    const phone = await connectPeer(running.url({ ...alice, platform: "ios" }));
    const tab = await connectPeer(running.url(alice));
    await phone.close();
    await sleep(100);
    await tab.caughtUp();
    expect(changes).toEqual(["alice online"]);
    const gone = offline(running, "alice");
    await tab.close();
    await gone;
    expect(changes).toEqual(["alice online", "alice offline"]);
    expect(await running.hub.presence.count()).toEqual({ users: 0, connections: 0 });
  });

  it("time out independently: the timers of one never affect the other", async () => {
    const running = await startHub({ websocket: { heartbeatInterval: 0.05, connectionTimeout: 0.3 } });
    const silent = await connectRaw(running.url(alice));
    const lively = await connectRaw(running.url(alice));
    lively.answersPings = true;
    const end = ended(running);
    expect((await silent.closed).code).toBe(4002);
    expect(await end).toMatchObject({ cause: "timeout", connection: { id: idOf(silent) } });
    lively.send({ id: 1, action: "robot.ping" });
    await lively.until(() => lively.frames.some(({ id }) => id === 1));
    // And the other way round: bytes of the first do not keep the second alive.
    lively.answersPings = false;
    expect(await ended(running)).toMatchObject({ cause: "timeout", connection: { id: idOf(lively) } });
  });

  it("are replaced and still time out: a replaced client that does not leave is cut", async () => {
    const running = await startHub({
      websocket: { onePerPlatform: true, heartbeatInterval: 0.05, connectionTimeout: 0.3 },
      presence: { graceMs: 0 },
    });
    const changes = changesOf(running);
    const old = await connectRaw(running.url(alice));
    old.answersClose = false;
    const end = ended(running);
    const young = await connectRaw(running.url(alice));
    young.answersPings = true;
    expect(await end).toMatchObject({ cause: "replaced", connection: { id: idOf(old) } });
    expect((await old.closed).code).toBe(4502);
    // The end of the old connection ends neither the new one nor the user's presence.
    expect(await running.hub.presence.count()).toEqual({ users: 1, connections: 1 });
    await running.hub.user("alice").send({ type: "n" });
    await young.until(() => young.frames.some(({ type }) => type === "n"));
    expect(old.frames.some(({ type }) => type === "n")).toBe(false);
    expect(changes).toEqual(["alice online"]);
    // The new connection times out like any other.
    young.answersPings = false;
    expect(await ended(running)).toMatchObject({ cause: "timeout", connection: { id: idOf(young) } });
  });

  it("are kicked together or by platform, with a notice and a count", async () => {
    const { hub, url } = await startHub();
    const phone = await connectPeer(url({ ...alice, platform: "ios" }));
    const [tab, otherTab] = [await connectPeer(url(alice)), await connectPeer(url(alice))];
    const sold = { platform: "ios", reason: "sold", notice: { by: "admin" } };
    expect(await hub.user("alice").kick(sold)).toEqual({ connections: 1, unconfirmed: 0 });
    expect(await phone.closed).toEqual({ code: 4501, reason: "sold" });
    expect(phone.frames.at(-1)).toEqual({
      event: "notice",
      code: "kicked",
      message: "sold",
      data: { by: "admin" },
    });
    await tab.caughtUp();
    expect(await hub.user("alice").kick()).toEqual({ connections: 2, unconfirmed: 0 });
    expect([(await tab.closed).code, (await otherTab.closed).code]).toEqual([4501, 4501]);
    expect(await hub.user("alice").kick()).toEqual({ connections: 0, unconfirmed: 0 });
  });

  it("are kicked with a reason of any length, shortened between its characters", async () => {
    const { hub, url } = await startHub();
    const peer = await connectPeer(url(alice));
    await hub.user("alice").kick({ reason: "€".repeat(1_000) });
    const { code, reason } = await peer.closed;
    expect(code).toBe(4501);
    expect(reason).toBe("€".repeat(41));
  });
});

describe("a reconnect within the grace time", () => {
  it("causes no presence event, even over and over", async () => {
    const running = await startHub({ presence: { graceMs: 60_000 } });
    const changes = changesOf(running);
    const watcher = await connectPeer(running.url(bob));
    await watcher.request("presence.watch", { users: ["alice"] });
    for (let round = 0; round < 20; round++) {
      const peer = await connectPeer(running.url(alice));
      await peer.close();
    }
    await watcher.caughtUp();
    expect(changes).toEqual(["bob online", "alice online"]);
    expect(presenceOf(watcher, "alice")).toEqual([true]);
  });

  it("after the grace time is one offline and one online", async () => {
    const running = await startHub({ presence: { graceMs: 10 } });
    const changes = changesOf(running);
    const peer = await connectPeer(running.url(alice));
    const gone = offline(running, "alice");
    await peer.close();
    await gone;
    await connectPeer(running.url(alice));
    expect(changes).toEqual(["alice online", "alice offline", "alice online"]);
  });
});

describe("a watcher", () => {
  it("gets one event per change, of the users it names or of all", async () => {
    const running = await startHub({ presence: { graceMs: 0 } });
    const byName = await connectPeer(running.url({ user_id: "w1" }));
    const ofAll = await connectPeer(running.url({ user_id: "w2" }));
    // Watch twice and in both ways, and still get one event.
    await byName.request("presence.watch", { users: ["alice", "alice", "bob"] });
    await byName.request("presence.watch", { users: ["alice"] });
    await ofAll.request("presence.watch", { all: true });
    await ofAll.request("presence.watch", { users: ["alice"] });
    const gone = Promise.all([offline(running, "alice"), offline(running, "carol")]);
    for (const user_id of ["alice", "carol"]) await (await connectPeer(running.url({ user_id }))).close();
    await gone;
    await Promise.all([byName.caughtUp(), ofAll.caughtUp()]);
    expect(presenceOf(byName, "alice")).toEqual([true, false]);
    expect(presenceOf(byName, "carol")).toEqual([]);
    expect(presenceOf(ofAll, "alice")).toEqual([true, false]);
    expect(presenceOf(ofAll, "carol")).toEqual([true, false]);
  });

  it("that leaves is removed, and its next connection gets no event it did not ask for", async () => {
    const running = await startHub({ presence: { graceMs: 0 } });
    const watcher = await connectPeer(running.url(bob));
    await watcher.request("presence.watch", { all: true });
    await watcher.close();
    const again = await connectPeer(running.url(bob));
    const peer = await connectPeer(running.url(alice));
    const gone = offline(running, "alice");
    await peer.close();
    await gone;
    await again.caughtUp();
    expect(again.frames.filter(({ event }) => event === "presence")).toEqual([]);
  });

  it("that reads nothing delays no other watcher, and uses bounded memory", async () => {
    const running = await startHub({
      presence: { graceMs: 0 },
      websocket: { writeTimeoutMs: 300, maxPendingBytes: 10_000, messageBufferSize: 8 },
    });
    const stalled = await connectRaw(running.url({ user_id: "w1" }));
    stalled.send({ id: 1, action: "presence.watch", data: { all: true } });
    await stalled.until(() => stalled.frames.some(({ id }) => id === 1));
    const watcher = await connectPeer(running.url({ user_id: "w2" }));
    await watcher.request("presence.watch", { users: ["alice"] });
    stalled.socket.pause();
    for (let n = 0; n < 200; n++) await running.hub.user("w1").send({ type: "n", data: "x".repeat(64_000) });
    const gone = ended(running);
    await connectPeer(running.url(alice));
    await watcher.next((frame) => frame.event === "presence");
    expect(await gone).toMatchObject({ cause: "slow", connection: { user: "w1" } });
  });
});

describe("a heartbeat", () => {
  const websocket = { heartbeatInterval: 0.05, connectionTimeout: 0.3 };

  it("keeps a client that answers pings and sends nothing else", async () => {
    const { url } = await startHub({ websocket });
    const peer = await connectRaw(url(alice));
    peer.answersPings = true;
    await peer.until(() => peer.received.filter(({ opcode }) => opcode === OPCODE.ping).length >= 12);
    expect(peer.frames).toHaveLength(3);
    peer.send({ type: "ping" });
    await peer.until(() => peer.frames.length === 4);
    expect(peer.frames[3]).toEqual({ type: "pong" });
  });

  it.each<[string, Buffer]>([
    ["the client's own ping", textFrame({ type: "ping" })],
    ["a WebSocket ping", clientFrame({ opcode: OPCODE.ping })],
    ["an empty fragment", clientFrame({ fin: false })],
  ])("counts as life %s", async (_what, first) => {
    const { url } = await startHub({ websocket });
    const peer = await connectRaw(url(alice));
    peer.write(first);
    const next = first[0] === OPCODE.text ? clientFrame({ opcode: OPCODE.continuation, fin: false }) : first;
    for (let n = 0; n < 12; n++) {
      await sleep(50);
      peer.write(next);
    }
    expect(peer.socket.destroyed).toBe(false);
  });

  it("does not time clients out after the node itself was suspended", async () => {
    const { hub, url } = await startHub({ websocket });
    const peer = await connectRaw(url(alice));
    peer.answersPings = true;
    const ends: unknown[] = [];
    hub.on("disconnect", (end) => ends.push(end));
    for (let sleeps = 0; sleeps < 3; sleeps++) {
      // Long enough for the heartbeat to have checked all connections.
      await sleep(40);
      const until = performance.now() + 500;
      while (performance.now() < until);
      await sleep(40);
      peer.send({ id: sleeps, action: "robot.ping" });
      await peer.until(() => peer.frames.some(({ id }) => id === sleeps));
    }
    expect(ends).toEqual([]);
  });

  it("counts every byte of a slow frame as life", async () => {
    const { url } = await startHub({ websocket });
    const peer = await connectRaw(url(alice));
    for (const byte of textFrame({ id: 1, action: "robot.ping" })) {
      peer.write(Buffer.from([byte]));
      await sleep(20);
    }
    await peer.until(() => peer.frames.some(({ id }) => id === 1));
  });

  it.each([true, false])(
    "closes a silent client with 4002 in spite of pings, by one timer: %s",
    async (enableGlobalPing) => {
      const { url } = await startHub({ websocket: { ...websocket, enableGlobalPing } });
      const peer = await connectRaw(url(alice));
      expect((await peer.closed).code).toBe(4002);
      expect(peer.received.some(({ opcode }) => opcode === OPCODE.ping)).toBe(true);
    },
  );

  it.each([true, false])(
    "keeps an idle client that answers pings, by one timer: %s",
    async (enableGlobalPing) => {
      // By a clock of the test's own: between two pings there are 50 ms at most, less than a stall of the machine.
      vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
      onTestFinished(() => void vi.useRealTimers());
      const { url } = await startHub({
        websocket: { heartbeatInterval: 0.25, connectionTimeout: 0.3, enableGlobalPing },
      });
      const peer = await connectRaw(url(alice));
      peer.answersPings = true;
      for (let ms = 0; ms < 1_500; ms += 10) {
        vi.advanceTimersByTime(10);
        await turns();
      }
      const pings = peer.received.filter(({ opcode }) => opcode === OPCODE.ping);
      expect(pings.length).toBeGreaterThanOrEqual(5);
      expect(peer.socket.destroyed).toBe(false);
      peer.send({ id: 1, action: "robot.ping" });
      await peer.until(() => peer.frames.some(({ id }) => id === 1));
    },
  );
});

describe("a group", () => {
  it("has no member left when all connections have ended, in whatever way", async () => {
    const running = await startHub({ presence: { graceMs: 0 } });
    const join = async (peer: Peer): Promise<Frame> => peer.request("group.join", { group: "g" });
    const peers = await Promise.all(
      ["a", "a", "b", "c"].map((user_id) => connectPeer(running.url({ user_id }))),
    );
    await Promise.all(peers.map(join));
    expect((await running.hub.group("g").members()).members.map(({ user }) => user)).toEqual(["a", "b", "c"]);
    const [first, second, third, fourth] = peers;
    await first?.close();
    expect((await running.hub.group("g").members()).members.map(({ user }) => user)).toEqual(["a", "b", "c"]);
    const gone = Promise.all(["a", "b", "c"].map((user) => offline(running, user)));
    second?.socket.terminate();
    await running.hub.user("b").kick();
    await third?.closed;
    await fourth?.request("group.leave", { group: "g" });
    await fourth?.close();
    await gone;
    expect((await running.hub.group("g").members()).members).toEqual([]);
  });
});
