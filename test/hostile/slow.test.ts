import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { startHubProcess } from "../support/hub-process/hub-process.ts";
import { connectPeer, type Frame, isMessage } from "../support/peer.ts";
import { connectRaw, type RawPeer } from "../support/raw.ts";

const MIB = 1_048_576;
const stalled = { user_id: "stalled" };
const kilobyte = "x".repeat(1_024);

/** A client that reads nothing stays connected, however long the test takes on a busy machine. */
const PATIENT = { writeTimeoutMs: 300_000 };

/** Connects a member of the group that does not read. */
async function stall(url: string, group = "g"): Promise<RawPeer> {
  const peer = await connectRaw(url);
  peer.send({ id: 1, action: "group.join", data: { group } });
  await peer.until(() => peer.frames.some(({ id }) => id === 1));
  peer.socket.pause();
  return peer;
}

/** Reads a counter of the hub. */
async function counted({ at }: RunningHub, name: string): Promise<number> {
  const response = await fetch(`${at.url}/metrics`);
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await response.text())?.[1]);
}

const messagesOf = (peer: RawPeer): Frame[] => peer.frames.filter(isMessage);
const offsetsOf = (frames: readonly Frame[]): number[] => frames.map(({ offset }) => Number(offset));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("a client that has stopped reading", () => {
  it("uses bounded memory, whatever is sent to it", async () => {
    const hub = await startHubProcess({ history: { count: 1 }, websocket: PATIENT });
    const reader = await connectPeer(hub.url({ user_id: "reader" }));
    const before = await hub.memory();
    const peers = await Promise.all(Array.from({ length: 10 }, () => connectRaw(hub.url(stalled))));
    for (const { socket } of peers) socket.pause();
    await hub.publish({ user: "stalled", data: kilobyte.repeat(64), count: 1_000 });
    await hub.publish({ user: "reader", data: 1 });
    await reader.next(isMessage);
    // Each may keep its queue's 4 MiB, and the bytes that its socket took before it was busy.
    expect((await hub.memory()) - before).toBeLessThan(10 * 6 * MIB);
  });

  it("delays no other client under the policy drop, and recovers what it missed", async () => {
    const running = await startHub({ history: { count: 50_000 }, websocket: PATIENT });
    const { hub, url } = running;
    const slow = await stall(url(stalled));
    const reader = await connectPeer(url({ user_id: "reader" }));
    await reader.request("group.join", { group: "g" });
    const total = 5_000;
    for (let n = 1; n <= total; n++) {
      await hub.group("g").send({ type: "n", data: kilobyte.repeat(4) });
      if (n % 50 === 0) await reader.caughtUp();
    }
    expect(offsetsOf(await reader.take(total, isMessage))).toEqual(range(1, total));

    const dropped = await counted(running, "tidings_dropped_total");
    expect(dropped).toBeGreaterThan(0);
    slow.socket.resume();
    await slow.until(() => messagesOf(slow).length === total - dropped);
    const { epoch, offset } = await hub.group("g").send({ type: "n" });
    await slow.until(() => messagesOf(slow).at(-1)?.offset === offset);
    const got = offsetsOf(messagesOf(slow));
    expect(got).toEqual([...got].sort((one, other) => one - other));
    const contiguous = got.findIndex((each, index) => each !== index + 1);
    expect(contiguous).toBeGreaterThan(0);

    slow.send({ id: 2, action: "message.resume", data: { channel: "group:g", epoch, offset: contiguous } });
    await slow.until(() => slow.frames.some(({ id }) => id === 2));
    const recovered = offsetsOf(messagesOf(slow).slice(got.length));
    expect([...got.slice(0, contiguous), ...recovered]).toEqual(range(1, total + 1));
    expect(await counted(running, "tidings_dropped_total")).toBe(dropped);
  });

  it("is the only one closed under the policy close, with 4001", async () => {
    const running = await startHub({ websocket: { ...PATIENT, closeOnBackpressure: true } });
    const { hub, url } = running;
    const slow = await stall(url(stalled));
    const reader = await connectPeer(url({ user_id: "reader" }));
    await reader.request("group.join", { group: "g" });
    let sent = 0;
    await eventually("a queue overflows", async () => {
      for (let n = 0; n < 500; n++) await hub.group("g").send({ type: "n", data: kilobyte });
      sent += 500;
      return (await counted(running, "tidings_overflows_total")) > 0;
    });
    slow.socket.resume();
    expect((await slow.closed).code).toBe(4001);
    expect(offsetsOf(await reader.take(sent, isMessage))).toEqual(range(1, sent));
    expect(await counted(running, "tidings_overflows_total")).toBe(1);
    expect(await counted(running, "tidings_dropped_total")).toBe(0);
  });

  it("makes its publisher wait under the policy wait, up to the timeout", async () => {
    const running = await startHub({ websocket: { ...PATIENT, dropOnFull: false, sendTimeoutMs: 20 } });
    const { hub, url } = running;
    await stall(url(stalled));
    const reader = await connectPeer(url({ user_id: "reader" }));
    await reader.request("group.join", { group: "g" });
    let sent = 0;
    for (; (await counted(running, "tidings_dropped_total")) === 0; sent += 100) {
      for (let n = 0; n < 100; n++) await hub.group("g").send({ type: "n", data: kilobyte.repeat(8) });
    }
    expect(await counted(running, "tidings_waited_total")).toBeGreaterThan(0);
    expect(offsetsOf(await reader.take(sent, isMessage))).toEqual(range(1, sent));
  });

  it("loses nothing under the policy wait when it reads again before the timeout", async () => {
    const running = await startHub({ websocket: { ...PATIENT, dropOnFull: false, sendTimeoutMs: 300_000 } });
    const { hub, url } = running;
    const slow = await stall(url(stalled));
    const total = 3_000;
    let sent = 0;
    const publish = async (): Promise<void> => {
      for (; sent < total; sent++) await hub.group("g").send({ type: "n", data: kilobyte.repeat(8) });
    };
    const done = publish();
    await eventually("the publisher waits", async () => (await counted(running, "tidings_waited_total")) > 0);
    expect(sent).toBeLessThan(total);
    slow.socket.resume();
    await done;
    await slow.until(() => messagesOf(slow).length === total);
    expect(offsetsOf(messagesOf(slow))).toEqual(range(1, total));
    expect(await counted(running, "tidings_dropped_total")).toBe(0);
  });

  it("gets messages of any size in order under the policy wait", async () => {
    const running = await startHub({
      websocket: { ...PATIENT, dropOnFull: false, sendTimeoutMs: 300_000, maxPendingBytes: 100_000 },
    });
    const { hub, url } = running;
    const slow = await stall(url(stalled));
    const send = (length: number): Promise<unknown> =>
      hub.group("g").send({ type: "n", data: "x".repeat(length) });
    const sends: Promise<unknown>[] = [];
    // A long message does not fit any more, a short one behind it would.
    await eventually("a publisher waits", async () => {
      sends.push(send(90_000));
      return (await counted(running, "tidings_waited_total")) > 0;
    });
    for (let n = 0; n < 50; n++) sends.push(send(n % 2 === 0 ? 1 : 60_000));
    slow.socket.resume();
    await Promise.all(sends);
    await slow.until(() => messagesOf(slow).length === sends.length);
    expect(offsetsOf(messagesOf(slow))).toEqual(range(1, sends.length));
  });

  it("gets no position past a dropped message", async () => {
    const running = await startHub({ websocket: { ...PATIENT, messageBufferSize: 4 } });
    const { hub, url } = running;
    const slow = await stall(url(stalled));
    const { connection } = slow.frames[0] ?? {};
    await eventually("a message is dropped", async () => {
      await hub.group("g").send({ type: "n", data: kilobyte.repeat(64) });
      return (await counted(running, "tidings_dropped_total")) > 0;
    });
    // A message that leaves the client out: in its place it would get a position.
    await hub.group("g").except(String(connection)).send({ type: "n" });
    slow.socket.resume();
    const ending = setInterval(() => void hub.group("g").send({ type: "last" }), 10);
    await slow.until(() => slow.frames.some(({ type }) => type === "last"));
    clearInterval(ending);
    const moves = slow.frames.filter(
      ({ event, channel, group }) => (event === "position" && channel === "group:g") || group === "g",
    );
    const numbers = offsetsOf(moves);
    // The gap stays visible: the offset jumps at a message, not at a position.
    const jump = moves.find((_, index) => index > 0 && (numbers[index] ?? 0) > (numbers[index - 1] ?? 0) + 1);
    expect(jump).toMatchObject({ group: "g" });
  });

  it("uses bounded memory for positions of messages that leave it out", async () => {
    const running = await startHub({ websocket: PATIENT });
    const { hub, url } = running;
    await stall(url(stalled));
    await eventually("a message is dropped", async () => {
      for (let n = 0; n < 100; n++) await hub.group("g").send({ type: "n", data: kilobyte.repeat(16) });
      return (await counted(running, "tidings_dropped_total")) > 0;
    });
    for (let n = 0; n < 5_000; n++) await hub.user("stalled").platforms("ios").send({ type: "n" });
    expect(await counted(running, "tidings_pending_messages")).toBeLessThan(1_000);
  });

  it("is closed as slow when it takes nothing for the write timeout", async () => {
    const { hub, url } = await startHub({ websocket: { writeTimeoutMs: 200, sendTimeoutMs: 1 } });
    const gone = new Promise((resolve) => hub.on("disconnect", resolve));
    const slow = await stall(url(stalled));
    const publishing = setInterval(
      () => void hub.group("g").send({ type: "n", data: kilobyte.repeat(256) }),
      1,
    );
    // The client does not answer the close, so it is cut in the end.
    expect(await gone).toMatchObject({ cause: "slow", connection: { user: "stalled" } });
    clearInterval(publishing);
    expect(slow.socket.isPaused()).toBe(true);
  });

  it("is not closed while it reads, however slowly", async () => {
    const { hub, url } = await startHub({ websocket: { writeTimeoutMs: 2_500, maxPendingBytes: 64 * MIB } });
    const slow = await stall(url(stalled));
    for (let n = 0; n < 250; n++) await hub.group("g").send({ type: "n", data: kilobyte.repeat(128) });
    await (await connectPeer(url({ user_id: "reader" }))).caughtUp();
    await hub.group("g").send({ type: "n" });
    // Read a little now and then, for longer than the timeout.
    slow.socket.on("data", () => slow.socket.pause());
    for (let reads = 0; reads < 160; reads++) {
      slow.socket.resume();
      await sleep(20);
    }
    slow.socket.on("pause", () => slow.socket.resume());
    slow.socket.resume();
    slow.send({ id: 2, action: "robot.ping" });
    await slow.until(() => slow.frames.some(({ id }) => id === 2));
    expect(messagesOf(slow).length).toBeGreaterThan(50);
  });
});

describe("a message published in the same tick", () => {
  it("in which its channel's history is lost comes before the position frame", async () => {
    const { hub, url } = await startHub({ history: { totalBytes: 20_000 } });
    const peer = await connectPeer(url({ user_id: "reader" }));
    await peer.request("group.join", { group: "g" });
    await hub.group("g").send({ type: "n", data: kilobyte });
    for (let n = 0; n < 40; n++) await hub.user(`u${n}`).send({ type: "n", data: kilobyte });
    await peer.caughtUp();
    const frames = peer.frames.filter(({ group, channel }) => group === "g" || channel === "group:g");
    expect(frames).toMatchObject([
      { event: "position", offset: 0, recovered: true },
      { type: "n", offset: 1 },
      { event: "position", offset: 0, recovered: false },
    ]);
  });
});
