import { describe, expect, it, onTestFinished } from "vitest";
import { type Backplane, memoryBackplane } from "../../src/backplane/backplane.ts";
import { type Connection, HeldBytes, Local } from "../../src/local/local.ts";
import { Blocks, Gaps, Members, WatchedRooms, Watchers } from "../../src/members/members.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import { Deliverer, HistoryReads, Hooks, PositionGuard, PositionKey } from "../../src/publish/publish.ts";
import { eventually } from "../support/eventually.ts";
import { FrameReader } from "../support/wire.ts";

const unavailable = (): Promise<never> =>
  Promise.reject(new TidingsError("unavailable", "the backplane is unavailable"));

/** One connection of bob on a node whose backplane fails on demand. */
class Scene {
  /** Calls of the backplane that fail. */
  readonly failing = new Set<"join" | "history" | "positions">();
  /** Called before a page of a history is given. */
  beforePage: () => Promise<unknown> = () => Promise.resolve();
  readonly backplane: Backplane;
  readonly members: Members;
  readonly local: Local;
  readonly connection: Connection;
  readonly #reader = new FrameReader();
  // biome-ignore lint/suspicious/noExplicitAny: frames of the server
  readonly frames: any[] = [];
  readonly held = new HeldBytes(1_000_000);
  #count = 0;

  constructor(limits: { readonly bytes: number } = { bytes: 1_000_000 }) {
    const memory = memoryBackplane({ history: { count: 100, ageMs: 3_600_000, totalBytes: 10_000_000 } });
    const { broker, routes } = memory;
    this.backplane = {
      ...memory,
      broker: {
        relay: (message) => broker.relay(message),
        tally: (message) => broker.tally(message),
        append: (message, key) => broker.append(message, key),
        edit: (edit) => broker.edit(edit),
        listen: (channel) => broker.listen(channel),
        unlisten: (channel) => broker.unlisten(channel),
        history: async (channel, query) => {
          if (this.failing.has("history")) return unavailable();
          const page = await broker.history(channel, query);
          await this.beforePage();
          return page;
        },
        positions: (channels) => (this.failing.has("positions") ? unavailable() : broker.positions(channels)),
      },
      routes: {
        join: (group, user) => (this.failing.has("join") ? unavailable() : routes.join(group, user)),
        leave: (group, user) => routes.leave(group, user),
      },
    };
    const report = (): void => undefined;
    const gaps = new Gaps(this.backplane.broker, report);
    this.local = new Local({
      shardCount: 1,
      shardsPerTurn: 1,
      outbox: { messages: 100, bytes: 1_000_000, socketBytes: 1_000, policy: "drop", waitMs: 1 },
      heartbeat: {
        intervalMs: 60_000,
        timeoutMs: 60_000,
        writeTimeoutMs: 60_000,
        ping: false,
        shardsPerStep: 1,
      },
      compression: { level: 1, threshold: 1_000 },
      missed: (connection) => gaps.tell(connection),
    });
    const rules = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false } as const;
    const watchers = new Watchers({ exist: false, tell: () => undefined });
    this.members = new Members({
      local: this.local,
      backplane: this.backplane,
      reads: new HistoryReads(this.backplane.broker),
      guard: new PositionGuard(new PositionKey(async () => undefined, report), () => true),
      watchers,
      rooms: new WatchedRooms(this.backplane.rooms, report),
      rules,
      blocks: new Blocks(),
      hooks: new Hooks(1),
      holdLimits: { messages: 100, ...limits, node: this.held },
      report,
    });
    this.connection = this.#connect();
    onTestFinished(() => this.local.stop());
  }

  async open(): Promise<this> {
    const deliverer = new Deliverer(this.local, { delivered: () => undefined });
    await this.backplane.start(
      { id: "n", ip: "127.0.0.1", port: 1, connections: () => 1 },
      {
        deliver: (message) => deliverer.deliver(message),
        lost: (channel, position) => deliverer.lost(channel, position),
        acknowledged: () => undefined,
        presence: () => undefined,
        adjusted: () => undefined,
        presenceMissed: () => undefined,
        room: () => undefined,
        occupied: () => undefined,
        command: async () => 0,
        asked: async () => "",
        report: () => undefined,
      },
    );
    const catchUp = await this.members.admit(this.connection, "{}", {}, []);
    if (typeof catchUp === "function") await catchUp();
    return this;
  }

  async publish(): Promise<void> {
    const id = String(++this.#count);
    await this.backplane.broker.append({
      id,
      type: "n",
      body: id,
      timestamp: Date.now(),
      channel: "group:g",
    });
  }

  /** Offsets of the group's messages and positions, in the order in which they were written. */
  get seen(): unknown[] {
    return this.frames
      .filter(({ group, channel }) => group === "g" || channel === "group:g")
      .map(({ type, offset, missed }) => (type === "n" ? offset : `${missed ? "missed " : ""}${offset}`));
  }

  #connect(): Connection {
    const write = (bytes: Uint8Array): boolean => {
      for (const { payload } of this.#reader.read(Buffer.from(bytes))) {
        this.frames.push(JSON.parse(payload.toString()));
      }
      return true;
    };
    const stream = {
      write,
      cork: () => undefined,
      uncork: () => undefined,
      writableLength: 0,
      bytesRead: 0,
      readableLength: 0,
    };
    const control = {
      isPaused: false,
      close: () => undefined,
      terminate: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    };
    return this.local.connection(
      { id: "c", user: "bob", platform: "web", device: "web", node: "n", connectedAt: 1 },
      { stream, deflate: false, ...control },
    );
  }
}

describe("joining a group", () => {
  it("that fails leaves no half of a membership", async () => {
    const scene = await new Scene().open();
    for (const step of ["join", "positions", "history"] as const) {
      scene.failing.add(step);
      const from = step === "history" ? "first" : undefined;
      const joining = scene.members.join(scene.connection, "g").then((replay) => replay(from));
      await expect(joining).rejects.toMatchObject({ code: "unavailable" });
      expect(scene.connection.groups).toEqual([]);
      expect(scene.connection.holds).toBeUndefined();
      scene.failing.delete(step);
    }
    await scene.publish();
    await (await scene.members.join(scene.connection, "g"))();
    await scene.publish();
    await eventually("the message is written", () => scene.seen.includes(2));
    expect(scene.seen).toEqual(["1", 2]);
  });

  it("without a position reads no history", async () => {
    const scene = await new Scene().open();
    await scene.publish();
    scene.failing.add("history");
    const replay = await scene.members.join(scene.connection, "g");
    await scene.publish();
    await eventually("it is on hold", () => scene.connection.holdOf("group:g")?.first === 2);
    await replay();
    await scene.publish();
    await eventually("the messages are written", () => scene.seen.includes(3));
    expect(scene.seen).toEqual(["1", 2, 3]);
  });

  it("without a position reads what a full hold has dropped", async () => {
    const scene = await new Scene({ bytes: 1 }).open();
    const replay = await scene.members.join(scene.connection, "g");
    for (let n = 0; n < 3; n++) await scene.publish();
    await eventually("one was on hold", () => scene.connection.holdOf("group:g")?.first === 1);
    await replay();
    await eventually("the messages are written", () => scene.seen.includes(3));
    expect(scene.seen).toEqual(["0", 1, 2, 3]);
  });

  it("again, without a position, moves the client past nothing", async () => {
    const scene = await new Scene().open();
    await (await scene.members.join(scene.connection, "g"))();
    await scene.publish();
    await eventually("the message is written", () => scene.seen.includes(1));
    await (await scene.members.join(scene.connection, "g"))();
    await eventually("the position is written", () => scene.seen.length === 3);
    expect(scene.seen).toEqual(["0", 1, "missed 1"]);
  });

  it("again during a replay continues it", async () => {
    const scene = await new Scene().open();
    await scene.publish();
    const [start] = await scene.backplane.broker.positions(["group:g"]);
    const page = Promise.withResolvers<void>();
    scene.beforePage = () => page.promise;
    const first = (await scene.members.join(scene.connection, "g"))({ epoch: start?.epoch ?? "", offset: 0 });
    const second = (await scene.members.join(scene.connection, "g"))();
    page.resolve();
    await Promise.all([first, second]);
    await eventually("the message is written", () => scene.seen.includes(1));
    expect(scene.seen).toEqual(["0", 1]);
  });
});

describe("a replay while messages come", () => {
  it("gives each of them once, in order, when their bytes exceed the budget of the hold", async () => {
    const scene = await new Scene({ bytes: 100 }).open();
    await scene.publish();
    const [start] = await scene.backplane.broker.positions(["group:g"]);
    let pages = 0;
    scene.beforePage = async () => {
      if (pages++ < 3) for (let count = 0; count < 10; count++) await scene.publish();
    };
    await (await scene.members.join(scene.connection, "g"))({ epoch: start?.epoch ?? "", offset: 0 });
    await scene.publish();
    await eventually("the last message is written", () => scene.seen.includes(32));
    expect(scene.seen).toEqual(["0", ...Array.from({ length: 32 }, (_, index) => index + 1)]);
    expect(scene.held.total).toBe(0);
  });

  it("begins at the first of them, even if the hold has dropped it", async () => {
    const scene = await new Scene({ bytes: 1 }).open();
    const { broker } = scene.backplane;
    const { positions } = broker;
    broker.positions = async (channels) => {
      for (let count = 0; count < 3; count++) await scene.publish();
      await eventually("they are held", () => scene.connection.holdOf("group:g")?.first === 1);
      return positions(channels);
    };
    await (await scene.members.join(scene.connection, "g"))();
    await eventually("the last message is written", () => scene.seen.includes(3));
    expect(scene.seen).toEqual(["0", 1, 2, 3]);
  });

  it("leaves nothing counted when the connection ends", async () => {
    const scene = await new Scene().open();
    await scene.publish();
    scene.beforePage = async () => {
      await scene.publish();
      scene.local.remove(scene.connection);
      scene.connection.closed();
    };
    await (await scene.members.join(scene.connection, "g"))({ epoch: "", offset: 0 }).catch(() => undefined);
    expect(scene.held.total).toBe(0);
  });
});

describe("a replay that fails", () => {
  it("gives the held messages and tells where the channel stands", async () => {
    const scene = await new Scene().open();
    await (await scene.members.join(scene.connection, "g"))();
    await scene.publish();
    const [start] = await scene.backplane.broker.positions(["group:g"]);
    scene.failing.add("history");
    const position = { epoch: start?.epoch ?? "", offset: 0 };
    const resuming = scene.members.resume(scene.connection, "group:g", position);
    await scene.publish();
    await expect(resuming).rejects.toMatchObject({ code: "unavailable" });
    await eventually("the client is told", () => scene.seen.includes("missed 2"));
    expect(scene.seen).toEqual(["0", 1, 2, "missed 2"]);
    expect(scene.connection.holds).toBeUndefined();
  });

  it("tells it later when positions cannot be read either", async () => {
    const scene = await new Scene().open();
    await (await scene.members.join(scene.connection, "g"))();
    await scene.publish();
    scene.failing.add("history").add("positions");
    const resuming = scene.members.resume(scene.connection, "group:g", { epoch: "", offset: 0 });
    await expect(resuming).rejects.toMatchObject({ code: "unavailable" });
    scene.failing.clear();
    await eventually("the client is told", () => scene.seen.includes("missed 1"));
  });
});
