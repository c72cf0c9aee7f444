import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { Observed } from "../client/harness.ts";
import { eventually } from "../support/eventually.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectRaw, type RawPeer } from "../support/raw.ts";
import { RedisServer } from "../support/redis/redis.ts";

/** Of 64 KiB each: more than sockets and queue take, and little enough to read the rest without long pauses. */
const TOTAL = 150;
const bulk = "x".repeat(64 * 1_024);
const SMALL_QUEUE = { websocket: { messageBufferSize: 16 } };
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

type Hub = RunningHub["hub"];
type Send = (hub: Hub, data?: string, type?: string) => Promise<unknown>;

/** Each kind of channel, with a send to it. Bob is a member of all three. */
const CHANNELS: Record<string, Send> = {
  "user:bob": (hub, data, type = "n") => hub.user("bob").send({ type, data }),
  "group:g": (hub, data, type = "n") => hub.group("g").send({ type, data }),
  all: (hub, data, type = "n") => hub.broadcast({ type, data }),
};

/** A client that follows docs/PROTOCOL.md ("Gaps") without the SDK, and can stop reading. */
class Reader {
  readonly peer: RawPeer;
  /** Offsets of the messages that were applied, by channel. */
  readonly applied = new Map<string, number[]>();
  readonly #positions = new Map<string, { epoch: string; offset: number }>();
  readonly #asked = new Set<string>();
  #seen = 0;
  #nextId = 1_000;
  #watch: (() => void) | undefined;

  constructor(peer: RawPeer) {
    this.peer = peer;
    peer.socket.on("data", () => this.#read());
    this.#read();
  }

  of(channel: string): number[] {
    return this.applied.get(channel) ?? [];
  }

  #read(): void {
    for (const frame of this.peer.frames.slice(this.#seen)) this.#frame(frame);
    this.#seen = this.peer.frames.length;
    this.#watch?.();
  }

  /** Resolves when as many messages of a channel are applied. Rejects when the connection ends before. */
  async has(channel: string, count: number): Promise<void> {
    const ended = this.peer.closed.then(({ code }) => Promise.reject(new Error(`closed with ${code}`)));
    const complete = new Promise<void>((resolve) => {
      this.#watch = () => {
        if (this.of(channel).length >= count) resolve();
      };
      this.#watch();
    });
    await Promise.race([complete, ended]);
  }

  // biome-ignore lint/suspicious/noExplicitAny: frames of the server
  #frame(frame: any): void {
    if (frame.event === "position") this.#position(frame);
    else if (frame.offset !== undefined) this.#push(frame);
    else if (frame.id !== undefined) this.#asked.delete(frame.data?.channel);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a frame of the server
  #position({ channel, epoch, offset, missed }: any): void {
    const own = this.#positions.get(channel);
    if (own !== undefined && own.epoch === epoch && own.offset >= offset) return;
    if (own !== undefined && (missed || offset > own.offset + 1)) this.#ask(channel);
    else this.#positions.set(channel, { epoch, offset });
  }

  // biome-ignore lint/suspicious/noExplicitAny: a frame of the server
  #push({ to, group, offset }: any): void {
    const channel = to === undefined ? (group === undefined ? "all" : `group:${group}`) : `user:${to}`;
    const own = this.#positions.get(channel);
    if (own === undefined || offset <= own.offset) return;
    if (offset > own.offset + 1) {
      this.#ask(channel);
      return;
    }
    own.offset = offset;
    this.applied.set(channel, [...this.of(channel), offset]);
  }

  #ask(channel: string): void {
    if (this.#asked.has(channel)) return;
    this.#asked.add(channel);
    const data = { channel, ...this.#positions.get(channel) };
    this.peer.send({ id: this.#nextId++, action: "message.resume", data });
  }
}

/** Connects bob, joins the groups, and stops reading. */
async function stalledReader({ url }: RunningHub, groups: readonly string[] = ["g"]): Promise<Reader> {
  const peer = await connectRaw(url({ user_id: "bob" }));
  for (const [id, group] of groups.entries()) peer.send({ id, action: "group.join", data: { group } });
  peer.send({ id: groups.length, action: "robot.heartBeat" });
  await peer.until(() => peer.frames.filter(({ id }) => id !== undefined).length > groups.length);
  const reader = new Reader(peer);
  peer.socket.pause();
  return reader;
}

/** Connects bob with the SDK over a socket that can stop reading. */
async function stalledClient({ url }: RunningHub): Promise<{ bob: Observed; socket: WebSocket }> {
  const sockets: WebSocket[] = [];
  class Pausable extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol);
      sockets.push(this);
    }
  }
  const bob = new Observed(url(), { user: "bob", WebSocket: Pausable as never });
  onTestFinished(() => bob.client.close());
  await bob.status("open");
  await bob.client.join("g");
  const [socket] = sockets;
  if (socket === undefined) throw new Error("no socket");
  socket.pause();
  return { bob, socket };
}

async function counted({ at }: RunningHub, name: string): Promise<number> {
  const response = await fetch(`${at.url}/metrics`);
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await response.text())?.[1]);
}

/** Fills the reader's queue until a message is dropped, with messages that nobody counts. */
async function untilDropped(running: RunningHub): Promise<void> {
  await eventually("a message is dropped", async () => {
    for (let n = 0; n < 40; n++) {
      await running.hub.group("filler").send({ type: "filler", data: bulk, ephemeral: true });
    }
    return (await counted(running, "tidings_dropped_total")) > 0;
  });
}

async function publishAll(hub: Hub, sends: readonly Send[], total = TOTAL): Promise<void> {
  for (let n = 0; n < total; n++) for (const send of sends) await send(hub, bulk);
}

describe("a client that reads again, on a channel that stays quiet, gets every stored message:", () => {
  it.each(Object.keys(CHANNELS))("%s, without the SDK", async (channel) => {
    const running = await startHub(SMALL_QUEUE);
    const reader = await stalledReader(running);
    await publishAll(running.hub, [CHANNELS[channel] as Send]);
    expect(await counted(running, "tidings_dropped_total")).toBeGreaterThan(0);
    reader.peer.socket.resume();
    await reader.has(channel, TOTAL);
    expect(reader.of(channel)).toEqual(range(1, TOTAL));
  });

  it("all channels, with the SDK", async () => {
    const running = await startHub(SMALL_QUEUE);
    const { bob, socket } = await stalledClient(running);
    await publishAll(running.hub, Object.values(CHANNELS), TOTAL / 3);
    expect(await counted(running, "tidings_dropped_total")).toBeGreaterThan(0);
    socket.resume();
    await bob.until(() => bob.received.length === TOTAL);
    expect(bob.client.positions).toMatchObject({
      "user:bob": { offset: TOTAL / 3 },
      "group:g": { offset: TOTAL / 3 },
      all: { offset: TOTAL / 3 },
    });
    expect(bob.all("lost")).toEqual([]);
  });

  it("when only one message was dropped", async () => {
    const running = await startHub(SMALL_QUEUE);
    const reader = await stalledReader(running, ["g", "filler"]);
    await untilDropped(running);
    await running.hub.group("g").send({ type: "n", data: bulk });
    reader.peer.socket.resume();
    await reader.has("group:g", 1);
  });

  it("when the last one was not for it", async () => {
    const running = await startHub(SMALL_QUEUE);
    const reader = await stalledReader(running, ["g", "filler"]);
    await untilDropped(running);
    await running.hub.group("g").send({ type: "n" });
    await running.hub.group("g").platforms("ios").send({ type: "n" });
    reader.peer.socket.resume();
    await reader.has("group:g", 1);
  });

  it("when a queue of bytes was full", async () => {
    const running = await startHub({ websocket: { maxPendingBytes: 100_000 } });
    const reader = await stalledReader(running);
    await publishAll(running.hub, [CHANNELS["group:g"] as Send], 150);
    expect(await counted(running, "tidings_dropped_total")).toBeGreaterThan(0);
    reader.peer.socket.resume();
    await reader.has("group:g", 150);
  });

  it("on more channels than the server remembers", async () => {
    const running = await startHub(SMALL_QUEUE);
    const groups = range(1, 150).map((n) => `g${n}`);
    const reader = await stalledReader(running, [...groups, "filler"]);
    await untilDropped(running);
    for (const group of groups) await running.hub.group(group).send({ type: "n" });
    reader.peer.socket.resume();
    for (const group of groups) await reader.has(`group:${group}`, 1);
  });

  it("while other channels keep its queue full", async () => {
    const running = await startHub(SMALL_QUEUE);
    const reader = await stalledReader(running, ["g", "filler"]);
    await untilDropped(running);
    for (let n = 0; n < 20; n++) await running.hub.group("g").send({ type: "n" });
    const { socket } = reader.peer;
    const piece = bulk.slice(0, 8 * 1_024);
    const filling = setInterval(() => {
      for (let n = 0; n < 40; n++)
        void running.hub.group("filler").send({ type: "f", data: piece, ephemeral: true });
    }, 1);
    onTestFinished(() => clearInterval(filling));
    // Reads in bites, so that the queue is full again whenever there is room.
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.resume();
    await reader.has("group:g", 20);
    expect(reader.of("group:g")).toEqual(range(1, 20));
  });

  it("under the policy wait, after the timeout, and none twice when it reads in time", async () => {
    const running = await startHub({
      websocket: { messageBufferSize: 16, dropOnFull: false, sendTimeoutMs: 20 },
    });
    const reader = await stalledReader(running);
    await eventually("a message is dropped", async () => {
      await running.hub.group("g").send({ type: "n", data: bulk });
      return (await counted(running, "tidings_dropped_total")) > 0;
    });
    const { offset } = (await running.hub.group("g").send({ type: "n" })) as { offset: number };
    reader.peer.socket.resume();
    await reader.has("group:g", offset);
    expect(reader.of("group:g")).toEqual(range(1, offset));
  });

  it("under the policy close, at its next login", async () => {
    const running = await startHub({ websocket: { messageBufferSize: 16, closeOnBackpressure: true } });
    const { bob, socket } = await stalledClient(running);
    await publishAll(running.hub, [CHANNELS["user:bob"] as Send]);
    expect(await counted(running, "tidings_overflows_total")).toBe(1);
    socket.resume();
    await bob.until(() => bob.received.length === TOTAL);
    expect(bob.all("lost")).toEqual([]);
  });
});

describe("nothing is told", () => {
  it("of a group that the client has left", async () => {
    const running = await startHub(SMALL_QUEUE);
    const reader = await stalledReader(running, ["g", "filler"]);
    await untilDropped(running);
    await running.hub.group("g").send({ type: "n" });
    await running.hub.group("g").remove("bob");
    reader.peer.socket.resume();
    await running.hub.user("bob").send({ type: "end" });
    await reader.has("user:bob", 1);
    const told = reader.peer.frames.filter(({ missed }) => missed === true);
    expect(told.filter(({ channel }) => channel === "group:g")).toEqual([]);
  });
});

describe("over two nodes", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  it("a client that reads again gets every stored message of the other node, with and without the SDK", async () => {
    const here = await startHub({ ...SMALL_QUEUE, redis: redis.url, node: { id: "here" } });
    const there = await startHub({ redis: redis.url, node: { id: "there" } });
    const reader = await stalledReader(here);
    const { bob, socket } = await stalledClient(here);
    await publishAll(there.hub, Object.values(CHANNELS), TOTAL / 3);
    await eventually(
      "both have missed messages",
      async () => (await counted(here, "tidings_dropped_total")) > 1,
    );
    reader.peer.socket.resume();
    socket.resume();
    for (const channel of Object.keys(CHANNELS)) {
      await reader.has(channel, TOTAL / 3);
      expect(reader.of(channel)).toEqual(range(1, TOTAL / 3));
    }
    await bob.until(() => bob.received.length === TOTAL);
    expect(bob.all("lost")).toEqual([]);
  });
});
