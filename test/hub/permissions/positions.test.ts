import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { type GrantsInput, type Hub, type HubOptions, TidingsError } from "../../../src/index.ts";
import { Observed } from "../../client/harness.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, type Frame, type Peer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { tokenOf } from "./scene.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
  return () => redis[Symbol.asyncDispose]();
});

const CHANNEL = "group:g";
const MEMBER: GrantsInput = { join: [CHANNEL] };

/** A position as clients have it. */
interface Told {
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
}

const offsets = (peer: Peer): unknown[] => peer.messages.map(({ offset }) => offset);
const isPosition = ({ event, channel }: Frame): boolean => event === "position" && channel === CHANNEL;
const positionOf = (peer: Peer): Frame | undefined => peer.frames.findLast(isPosition);
const publish = async (hub: Hub<Record<string, unknown>>, count: number): Promise<string> => {
  let epoch: string | undefined;
  for (let n = 0; n < count; n++) ({ epoch } = await hub.group("g").send({ type: "n" }));
  return epoch ?? "";
};
const join = async (peer: Peer, position?: object): Promise<Told> => {
  const { data } = await peer.request("group.join", { group: "g", position });
  return data as Told;
};

let prefixes = 0;

describe.each(["memory", "redis"])("who may not read the history, with %s", (backplane) => {
  /** Starts nodes of one hub, of which memory has one only. */
  async function start(options: HubOptions = {}, nodes = 1) {
    const cluster = { prefix: `positions${++prefixes}:` };
    const shared = backplane === "redis" ? { redis: redis.url, cluster } : {};
    const policy = { history: "granted" } as const;
    const starting = Array.from({ length: backplane === "redis" ? nodes : 1 }, (_, index) =>
      startHub({ jwt: { secret: SECRET }, policy, node: { id: `n${index}` }, ...shared, ...options }),
    );
    const hubs = await Promise.all(starting);
    const { hub, url } = hubs[0] as (typeof hubs)[number];
    const last = hubs.at(-1) as (typeof hubs)[number];
    const connect = async (user: string, resume?: object, can = MEMBER, at = url): Promise<Peer> => {
      const token = await tokenOf(user, can);
      const peer = await connectPeer(at({ token, ...(resume && { resume: JSON.stringify(resume) }) }));
      if (resume !== undefined) await peer.next(isPosition);
      await peer.caughtUp();
      return peer;
    };
    return { hub, url, last, connect };
  }

  test("gets nothing by a made-up position, in any of its places, and is told so", async () => {
    const { hub, connect } = await start();
    const epoch = await publish(hub, 5);
    const made = [
      { epoch, offset: 0 },
      { epoch, offset: 3 },
      { epoch: "made-up", offset: 0 },
      { epoch: `${epoch}~0.${"A".repeat(22)}`, offset: 0 },
    ];
    for (const position of made) {
      const eve = await connect("eve", { [CHANNEL]: position });
      expect(positionOf(eve)).toMatchObject({ offset: 5, recovered: false });
      expect(await join(eve, position)).toMatchObject({ offset: 5, recovered: false });
      await eve.request("message.resume", { channel: CHANNEL, ...position });
      expect(positionOf(eve)).toMatchObject({ offset: 5, recovered: false });
      expect(offsets(eve)).toEqual([]);
      await eve.close();
    }
  });

  test("gets nothing by the position of another user, or one before its own", async () => {
    const { hub, connect } = await start();
    const alice = await connect("alice");
    const told = await join(alice);
    await publish(hub, 5);
    const eve = await connect("eve");
    expect(await join(eve, { epoch: told.epoch, offset: 0 })).toMatchObject({ offset: 5, recovered: false });
    const own = await join(eve);
    expect(await join(eve, { ...own, offset: 2 })).toMatchObject({ offset: 5, recovered: false });
    expect(offsets(eve)).toEqual([]);
  });

  test("continues from a position of the server, on any node, and keeps it over several connections", async () => {
    const { hub, connect, last } = await start({}, 2);
    await publish(hub, 2);
    const alice = await connect("alice");
    const { epoch, offset } = await join(alice);
    expect(offset).toBe(2);
    await alice.close();
    await publish(hub, 3);
    const again = await connect("alice", { [CHANNEL]: { epoch, offset } }, MEMBER, last.url);
    await again.next((frame) => frame.offset === 5);
    expect(again.frames.find(isPosition)).toMatchObject({ epoch, offset: 2, recovered: true });
    expect(offsets(again)).toEqual([3, 4, 5]);
    const acknowledged = await again.request("message.ack", { channel: CHANNEL, epoch, offset: 5 });
    expect(acknowledged).toMatchObject({ data: { offset: 5 } });
    await again.close();
    await publish(hub, 1);
    const third = await connect("alice", { [CHANNEL]: { epoch, offset: 4 } });
    await third.next((frame) => frame.offset === 6);
    expect(offsets(third)).toEqual([5, 6]);
    await third.request("message.resume", { channel: CHANNEL, epoch, offset: 5 });
    expect(offsets(third)).toEqual([5, 6, 6]);
  });

  test("loses nothing with the SDK over connections that break, also messages that pass it over", async () => {
    const { hub, url } = await start();
    const sockets: WebSocket[] = [];
    class Cuttable extends WebSocket {
      constructor(...args: [string, string]) {
        super(...args);
        sockets.push(this);
      }
    }
    const token = await tokenOf("alice", MEMBER);
    const alice = new Observed(url(), { token, WebSocket: Cuttable });
    onTestFinished(() => alice.client.close());
    await publish(hub, 3);
    await alice.client.join("g");
    for (let data = 1; data <= 12; data++) {
      if (data % 4 === 0) sockets.at(-1)?.terminate();
      if (data % 3 === 0) await hub.group("g").platforms("ios").send({ type: "n", data: 0 });
      await hub.group("g").send({ type: "n", data });
    }
    await alice.until(() => alice.received.length === 12);
    expect(alice.received).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(alice.all("lost")).toEqual([]);
  });

  test("goes on where it was in a group into which the application puts it, which a login cannot join", async () => {
    const { hub, url } = await start();
    const token = await tokenOf("alice", {});
    const enter = async (resume: object): Promise<Peer> => {
      const peer = await connectPeer(url({ token, resume: JSON.stringify(resume) }));
      const [connection] = await hub.user("alice").connections();
      await hub.group("g").join(connection ?? expect.fail("no connection"));
      await peer.next(isPosition);
      return peer;
    };
    const alice = await enter({});
    const { epoch, offset } = positionOf(alice) as unknown as Told;
    await alice.close();
    await publish(hub, 2);
    const again = await enter({ [CHANNEL]: { epoch, offset } });
    expect(again.frames.find(isPosition)).toMatchObject({ epoch, offset: 2, recovered: true });
    await again.request("message.resume", { channel: CHANNEL, epoch, offset });
    expect(offsets(again)).toEqual([1, 2]);
  });

  test("names any position as a durable member, to whom each new device gets everything", async () => {
    const { hub, connect } = await start();
    await hub.group("g").add("alice");
    const epoch = await publish(hub, 3);
    const alice = await connect("alice", { [CHANNEL]: { epoch, offset: 2 } }, {});
    await alice.next((frame) => frame.offset === 3);
    expect(alice.frames.find(isPosition)).toMatchObject({ epoch, offset: 2, recovered: true });
  });

  test("is told one epoch, also while the policy takes its time and a message passes the member over", async () => {
    const { hub, connect } = await start();
    await join(await connect("eve"));
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    hub.authorize(({ verb, channel }) => {
      if (verb !== "history" || channel !== CHANNEL) return true;
      asked.resolve();
      return answer.promise;
    });
    const alice = await connect("alice");
    const joining = join(alice);
    await asked.promise;
    await hub.group("g").send({ type: "n" });
    await hub.group("g").platforms("ios").send({ type: "n" });
    answer.resolve(false);
    const { epoch } = await joining;
    await alice.next((frame) => isPosition(frame) && frame.offset === 2);
    const told = alice.frames.filter(isPosition);
    expect(new Set(told.map((frame) => frame.epoch))).toEqual(new Set([epoch]));
    expect(told.length).toBeGreaterThan(1);
  });

  test("is a question of the policy: with a grant any position counts, without one those of before do not", async () => {
    const { hub, connect } = await start();
    const epoch = await publish(hub, 3);
    const reader = await connect(
      "alice",
      { [CHANNEL]: { epoch, offset: 1 } },
      { ...MEMBER, history: [CHANNEL] },
    );
    await reader.next((frame) => frame.offset === 3);
    expect(positionOf(reader)).toMatchObject({ epoch, offset: 1, recovered: true });
    expect(offsets(reader)).toEqual([2, 3]);
    const former = await connect("alice", { [CHANNEL]: { epoch, offset: 3 } });
    expect(positionOf(former)).toMatchObject({ offset: 3, recovered: false });

    hub.authorize(({ verb }) => {
      if (verb === "history") throw new Error("down");
      return true;
    });
    const other = await connect("bob", { [CHANNEL]: { epoch, offset: 0 } });
    expect(positionOf(other)).toMatchObject({ offset: 3, recovered: false });
    expect(offsets(other)).toEqual([]);
  });

  test("keeps an honest position while the policy cannot answer, and a durable member does not depend on it", async () => {
    const { hub, connect } = await start();
    await hub.group("g").add("bob");
    const epoch = await publish(hub, 3);
    const reader = await connect("alice", undefined, { ...MEMBER, history: [CHANNEL] });
    await join(reader);
    hub.authorize(({ verb }) => {
      if (verb === "history") throw new TidingsError("unavailable", "the database is away");
      return true;
    });
    const named = { channel: CHANNEL, epoch, offset: 1 };
    expect(await reader.request("message.resume", named)).toMatchObject({ error: { code: "unavailable" } });
    const bob = await connect("bob", { [CHANNEL]: { epoch, offset: 1 } }, {});
    await bob.next((frame) => frame.offset === 3);
    expect(offsets(bob)).toEqual([2, 3]);
    expect(offsets(reader)).toEqual([]);

    hub.authorize(() => true);
    await reader.request("message.resume", named);
    expect(offsets(reader)).toEqual([2, 3]);
  });
});

test("of nodes that make the key of the proofs at once, one that comes later takes all positions", async () => {
  const cluster = { prefix: `positions${++prefixes}:` };
  const options = {
    jwt: { secret: SECRET },
    policy: { history: "granted" },
    redis: redis.url,
    cluster,
  } as const;
  const startNode = (id: string) => startHub({ ...options, node: { id } });
  const nodes = await Promise.all(["n0", "n1", "n2"].map(startNode));
  const connectTo = async ({ url }: (typeof nodes)[number], user: string, resume?: string) =>
    connectPeer(url({ token: await tokenOf(user, MEMBER), ...(resume && { resume }) }));
  const peers = await Promise.all(nodes.map((node, index) => connectTo(node, `user${index}`)));
  const told = await Promise.all(peers.map((peer) => join(peer)));
  const late = await startNode("n3");
  await publish(late.hub, 1);
  for (const [index, { epoch, offset }] of told.entries()) {
    const again = await connectTo(late, `user${index}`, JSON.stringify({ [CHANNEL]: { epoch, offset } }));
    expect(await again.next(isPosition)).toMatchObject({ epoch, offset: 0, recovered: true });
  }
});
