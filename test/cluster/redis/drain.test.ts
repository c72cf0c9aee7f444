import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { end, type Served, serve, tidings } from "../../cli/run.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../../support/peer.ts";
import { RedisServer } from "../../support/redis/redis.ts";

let redis: RedisServer;
beforeEach(async () => {
  redis = await RedisServer.start({ persistent: true });
});
afterEach(() => redis[Symbol.asyncDispose]());

/** Outages, each with its end. */
const OUTAGES = {
  "is gone": { begin: () => redis.kill(), end: () => redis.restart() },
  hangs: { begin: async () => redis.pause(), end: async () => redis.continue() },
} as const;

type Outage = keyof typeof OUTAGES;

const startNode = (id: string, options: HubOptions = {}) =>
  startHub({
    redis: redis.url,
    cluster: { heartbeatInterval: 0.2, nodeTimeout: 5 },
    node: { id },
    ...options,
  });

type Node = Awaited<ReturnType<typeof startNode>>;

/** Sends messages with the numbers from 1 on, each as soon as the one before has its answer, until the connection ends. */
async function writeTo(user: string, peer: Peer, confirmed: number[]): Promise<void> {
  for (let number = 1; ; number++) {
    peer.send({ id: number, type: "n", to: user, key: `k${number}`, data: number });
    const answer = await peer.next(({ id }) => id === number).catch(() => undefined);
    if (answer === undefined) return;
    if (answer.data !== undefined) confirmed.push(number);
  }
}

const numbersOf = (frames: readonly Frame[]): number[] => frames.map(({ data }) => Number(data));

/** A drain of a node: what begins it, and what the caller hears of it. */
const DRAINS: Readonly<Record<string, (node: Node) => Promise<unknown>>> = {
  "a close": ({ hub }) => hub.close(),
  "POST /nodes/{node}/drain": async ({ at }) => {
    const response = await fetch(`${at.url}/nodes/n1/drain`, { method: "POST" });
    expect([response.status, await response.json()]).toEqual([200, { connections: 3 }]);
  },
};

const CASES = Object.keys(OUTAGES).flatMap((outage) =>
  Object.keys(DRAINS).map((drain) => [outage as Outage, drain] as const),
);

describe("while Redis is unavailable", () => {
  it.each(CASES)("(it %s) %s sends the clients away, and no receipt is broken", async (outage, drain) => {
    const n1 = await startNode("n1");
    const n2 = await startNode("n2");
    const failures: string[] = [];
    n1.hub.on("error", ({ stage }) => failures.push(stage));
    const alice = await connectPeer(n1.url({ user_id: "alice" }));
    const bob = await connectPeer(n1.url({ user_id: "bob" }));
    const carol = await connectPeer(n1.url({ user_id: "carol" }));
    await carol.request("group.join", { group: "g" });
    const confirmed: number[] = [];
    const written = writeTo("bob", alice, confirmed);
    await eventually("messages are confirmed", () => confirmed.length >= 50);

    await OUTAGES[outage].begin();
    await DRAINS[drain]?.(n1);
    for (const peer of [alice, bob, carol]) expect(await peer.closed).toMatchObject({ code: 4000 });
    await written;
    if (drain !== "a close") {
      const ready = await fetch(`${n1.at.url}/ready`);
      expect(ready.status).toBe(503);
      expect(((await ready.json()) as { reasons: string[] }).reasons).toContain("draining");
      expect(await Peer.refusal(n1.url({ user_id: "dave" }))).toBe(503);
    }
    await n1.hub.close();
    // One report of the outage, and none for each connection that cannot leave the cluster.
    expect(failures.filter((stage) => stage !== "redis")).toEqual([]);

    await OUTAGES[outage].end();
    await eventually("the other node is ready", async () => (await fetch(`${n2.at.url}/ready`)).ok);
    const { epoch } = await n2.hub.history("user:bob", { limit: 1 });
    const resume = JSON.stringify({ "user:bob": { epoch, offset: 0 } });
    const again = await connectPeer(n2.url({ user_id: "bob", resume }));
    await eventually("bob has all that was confirmed", () => {
      const got = new Set(numbersOf(again.messages));
      return confirmed.every((number) => got.has(number));
    });
    const got = numbersOf(again.messages);
    expect(got).toEqual([...new Set(got)].sort((one, other) => one - other));
    await eventually("nobody is left on the node that closed", async () => {
      const { users } = await n2.hub.presence.count();
      return users === 1;
    });
  });

  it.each(Object.keys(OUTAGES) as Outage[])("(it %s) SIGTERM and `tidings drain` work", async (outage) => {
    const args = ["--redis", redis.url, "--shutdown-reconnect-spread-ms", "0"];
    const servers: Served[] = [];
    try {
      for (const id of ["n1", "n2"]) servers.push(await serve([...args, "--node-id", id]));
      const [n1, n2] = servers as [Served, Served];
      const peers = await Promise.all(
        [n1, n2].map(({ socketUrl }, index) => connectPeer(`${socketUrl}?user_id=user${index}`)),
      );
      // A login that Redis interrupts ends with 4004. Its last step is the position of `all`.
      for (const peer of peers)
        await peer.next((frame) => frame.event === "position" && frame.channel === "all");
      await OUTAGES[outage].begin();
      // The other node cannot be asked, and says so.
      const other = await tidings(["drain", "n2", "--url", n1.url]);
      expect(other).toMatchObject({ code: 1, stdout: "" });
      expect(other.stderr).toContain("unavailable");
      const own = await tidings(["drain", "n2", "--url", n2.url]);
      expect(own).toMatchObject({ code: 0, stdout: "n2 drains: 1 client was told to reconnect\n" });
      n1.signal("SIGTERM");
      for (const peer of peers) expect(await peer.closed).toMatchObject({ code: 4000 });
      n2.signal("SIGTERM");
      for (const { ended } of servers) expect((await ended).code).toBe(0);
    } finally {
      for (const server of servers) await end(server);
    }
  });
});
