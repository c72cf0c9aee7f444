import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredMessage } from "../../../src/backplane/backplane.ts";
import { TidingsError } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisCluster, RedisServer, type TestRedis } from "../../support/redis/redis.ts";
import { type StartedCluster, startCluster, type TestNode, upTo } from "../contract/harness.ts";
import { IMPATIENT, redisOn } from "./harness.ts";
import { idsOf } from "./stored/transactions.ts";

const GROUPS = ["group:one", "group:two"] as const;
type Group = (typeof GROUPS)[number];

/** Pauses below and above the timeout of a command (2 s). */
const pauses = fc.oneof(fc.nat(300), fc.integer({ min: 2_000, max: 3_000 }));
const faults = fc.array(
  fc.record({
    kind: fc.constantFrom("cut all but listeners", "cut listeners", "cut one", "hang", "crash"),
    afterMs: fc.nat(300),
    forMs: pauses,
    /** Picks the server, and one of its connections. */
    index: fc.nat(100),
  }),
  { minLength: 2, maxLength: 5 },
);
type Fault = typeof faults extends fc.Arbitrary<readonly (infer Each)[]> ? Each : never;

async function inflict({ kind, afterMs, forMs, index }: Fault, { masters }: TestRedis): Promise<void> {
  const server = masters[index % masters.length] ?? expect.fail("there is no Redis");
  const cut = (...which: (string | number)[]) => server.command("CLIENT", "KILL", ...which);
  await sleep(afterMs);
  switch (kind) {
    case "cut all but listeners":
      await cut("TYPE", "normal", "SKIPME", "yes");
      break;
    case "cut listeners":
      await cut("TYPE", "pubsub");
      break;
    case "cut one": {
      const ids = String(await server.command("CLIENT", "LIST")).match(/(?<=^id=)\d+/gm) ?? [];
      await cut("ID", ids[index % ids.length] ?? 0);
      break;
    }
    case "hang":
      server.pause();
      await sleep(forMs);
      server.continue();
      break;
    case "crash":
      await server.kill();
      await sleep(forMs);
      await server.restart();
  }
}

/** Appends to the groups until `stop`: few messages or many per tick. Those with idempotency keys are repeated until they are stored. */
class Writer {
  /** Ids of the messages without keys that were confirmed. */
  readonly stored: string[] = [];
  /** Bodies of the messages with keys. */
  readonly keyed: string[] = [];
  readonly #cluster: StartedCluster;
  readonly #node: TestNode;
  #isStopped = false;

  constructor(cluster: StartedCluster, node: TestNode) {
    this.#cluster = cluster;
    this.#node = node;
  }

  async run(): Promise<void> {
    for (let tick = 0; !this.#isStopped; tick++) {
      const group = GROUPS[tick % 2] ?? GROUPS[0];
      const count = tick % 3 === 0 ? 60 : 3;
      await Promise.all([
        this.#writeKeyed(group, tick),
        ...upTo(count).map(() => this.#write(group)),
        sleep(5),
      ]);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #write(group: Group): Promise<void> {
    const appended = await this.#node.broker.append(this.#cluster.message(group)).catch(unavailable);
    if (appended !== undefined) this.stored.push(appended.id);
  }

  async #writeKeyed(group: Group, tick: number): Promise<void> {
    const key = `${this.#node.id}-${tick}`;
    const body = JSON.stringify(key);
    await answered(() => this.#node.broker.append(this.#cluster.message(group, { body }), key));
    this.keyed.push(body);
  }
}

function stopAll(writers: readonly Writer[]): void {
  for (const writer of writers) writer.stop();
}

/** An outage may cause no other error than `unavailable`, after which the message may be stored or not. */
function unavailable(error: unknown): undefined {
  expect(error).toBeInstanceOf(TidingsError);
  expect(error).toMatchObject({ code: "unavailable" });
}

// Side by side: both wait most of the time, for faults of seconds.
test.concurrent.each([
  { name: "one Redis", runs: 6, start: () => RedisServer.start({ persistent: true }) },
  {
    name: "a Redis Cluster",
    runs: 3,
    start: () => RedisCluster.start({ persistent: true, nodeTimeoutMs: 2_000 }),
  },
])(
  "faults of $name while nodes append: every node delivers each message once, in one order, and no user goes offline",
  async ({ runs, start }) => {
    const property = fc.asyncProperty(faults, async (faults) => {
      await using redis = await start();
      const options = { count: 100_000, heartbeatMs: 500 };
      await using cluster = await startCluster(
        redisOn(() => redis, undefined, IMPATIENT),
        options,
        3,
      );
      for (const { broker, routes, sink } of cluster.nodes) {
        sink.report = () => undefined;
        for (const group of GROUPS) await routes.join(group.slice("group:".length), "alice");
        await broker.positions(GROUPS);
      }
      const writers = cluster.nodes.map((node) => new Writer(cluster, node));

      const writing = Promise.all(writers.map((writer) => writer.run()));
      for (const [index, fault] of faults.entries()) {
        // The writers stop during the last fault: no later message then reveals the loss of their last ones.
        if (index === faults.length - 1) setTimeout(() => stopAll(writers), fault.afterMs + 5);
        await inflict(fault, redis);
      }
      await writing;

      await expectOneOrder(cluster, writers);
      // A node may stop before it has noticed the last fault. The other nodes would clear up after it.
      for (const { backplane } of cluster.nodes) await backplane.stop().catch(unavailable);
    });
    await fc.assert(property, { seed: 1, numRuns: runs, endOnFailure: true });
  },
);

async function expectOneOrder({ nodes, node }: StartedCluster, writers: readonly Writer[]): Promise<void> {
  const written: string[] = [];
  const keyed: string[] = [];
  for (const group of GROUPS) {
    const messages = await historyOf(node, group);
    const last = messages.at(-1)?.offset ?? 0;
    written.push(...idsOf(messages));
    keyed.push(...messages.map(({ body }) => body).filter((body) => /^"n\d-/.test(body)));
    for (const { sink } of nodes) {
      await sink.until(() => sink.losses.length > 0 || sink.offsets(group).at(-1) === last);
      expect(sink.losses).toEqual([]);
      expect(sink.offsets(group)).toEqual(upTo(last));
      const delivered = sink.delivered.filter(({ channel }) => channel === group);
      expect(idsOf(delivered)).toEqual(idsOf(messages));
    }
  }
  expect(new Set(written).size).toBe(written.length);
  expect(new Set(written)).toEqual(new Set([...written, ...writers.flatMap(({ stored }) => stored)]));
  expect(keyed.toSorted()).toEqual(writers.flatMap((writer) => writer.keyed).toSorted());
  for (const { sink } of nodes) expect(sink.changes.filter(({ online }) => !online)).toEqual([]);
}

/** Everything that is stored in a group. A page ends at a number of bytes, which a fast machine writes within the test. */
async function historyOf({ broker }: TestNode, group: Group): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  for (;;) {
    const after = messages.at(-1)?.offset ?? 0;
    const page = await answered(() => broker.history(group, { after, limit: 10_000 }));
    messages.push(...page.messages);
    if (page.messages.length === 0 || messages.at(-1)?.offset === page.last) return messages;
  }
}

/** Repeats a call until it succeeds: when the last fault is over, and the node has noticed that. */
const answered = <Answer extends object>(ask: () => Promise<Answer>) =>
  eventually("the node answers", () => ask().catch(unavailable));
