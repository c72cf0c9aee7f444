import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe } from "vitest";
import type { ConnectOptions } from "../../../src/client/client.ts";
import { Observed } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import { Balancer, type Environment, NodeProcess } from "../../support/nodes/nodes.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { RedisCluster, RedisServer, type TestRedis } from "../../support/redis/redis.ts";

/** A node, a balancer or a Redis: anything with a URL. */
interface Place {
  readonly url: string;
}

/** A node that is silent for so long is declared dead: a stall of a busy machine is shorter, and a test sees it within seconds. */
export const NODE_TIMEOUT_MS = 6_000;

const QUICK: Environment = {
  CLUSTER_HEARTBEAT_INTERVAL: "0.5",
  CLUSTER_NODE_TIMEOUT: String(NODE_TIMEOUT_MS / 1_000),
  // Users who come back in time are not announced, also on a busy machine. Tests that wait for the end of it shorten it.
  PRESENCE_GRACE_MS: "5000",
  SHUTDOWN_RECONNECT_SPREAD_MS: "500",
  HISTORY_COUNT: "100000",
};

/** For tests that wait until users are announced offline. */
export const SHORT_GRACE: Environment = { PRESENCE_GRACE_MS: "500" };

/**
 * Nodes n1, n2, n3 in processes of their own that share a Redis, and a balancer before them. `await using` ends all.
 */
export class Cluster implements AsyncDisposable {
  readonly nodes: readonly NodeProcess[];
  readonly balancer: Balancer;
  /** Prefix of all keys in Redis. */
  readonly prefix: string;
  readonly #clients: Observed[] = [];

  private constructor(nodes: readonly NodeProcess[], balancer: Balancer, prefix: string) {
    this.nodes = nodes;
    this.balancer = balancer;
    this.prefix = prefix;
  }

  /** @param env settings besides {@link QUICK}, by their names in the environment */
  static async start({ url }: Place, env: Environment = {}, count = 3): Promise<Cluster> {
    const prefix = `${randomUUID()}:`;
    const shared = { ...QUICK, REDIS_URL: url, REDIS_PREFIX: prefix, ...env };
    const ids = Array.from({ length: count }, (_, index) => `n${index + 1}`);
    const nodes = await Promise.all(ids.map((id) => NodeProcess.start(id, shared)));
    return new Cluster(nodes, await Balancer.start(nodes), prefix);
  }

  get n1(): NodeProcess {
    return this.#node(0);
  }

  get n2(): NodeProcess {
    return this.#node(1);
  }

  get n3(): NodeProcess {
    return this.#node(2);
  }

  /** A user with the SDK, connected to a node, or to any through the balancer. */
  async client(user: string, at: Place = this.balancer, options: ConnectOptions = {}): Promise<Observed> {
    const client = new Observed(at.url, { user, ...options });
    this.#clients.push(client);
    await client.client.ready;
    return client;
  }

  /** Users with the SDK who are connected now. */
  get online(): number {
    return this.#clients.filter(({ client }) => client.state === "open").length;
  }

  /** A user without the SDK: nothing is acknowledged, repeated or reconnected by itself. */
  peer(user: string, node: NodeProcess, parameters: Record<string, string> = {}): Promise<Peer> {
    return connectPeer(node.urlOf(user, parameters));
  }

  /** A user with the SDK who watches the presence of everyone on one node. */
  async watcher(node: NodeProcess): Promise<Watcher> {
    const client = await this.client(`watcher-${node.id}`, node);
    await client.client.watchPresence({ all: true });
    return new Watcher(client);
  }

  /** Resolves when every node lists exactly these as active. */
  async lists(...expected: NodeProcess[]): Promise<void> {
    const ids = expected.map(({ id }) => id).join();
    for (const node of expected) {
      await eventually(`${node.id} lists ${ids} as active`, async () => {
        const { status, body } = await node.get("/nodes");
        return status === 200 && activeIn(body) === ids;
      });
    }
  }

  /** Resolves when `/ready` of every node says so. */
  async areReady(ready: boolean, nodes: readonly NodeProcess[] = this.nodes): Promise<void> {
    for (const node of nodes) {
      const state = `${node.id} is ${ready ? "ready" : "not ready"}`;
      await eventually(state, async () => (await node.get("/ready")).body.ready === ready);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.balancer[Symbol.asyncDispose]();
  }

  #node(index: number): NodeProcess {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`the cluster has no node ${index + 1}`);
    return node;
  }
}

const activeIn = (nodes: { id: string; status: string }[]): string =>
  nodes
    .filter(({ status }) => status === "active")
    .map(({ id }) => id)
    .sort()
    .join();

/** The presence events that one node sent. */
export class Watcher {
  readonly #client: Observed;

  constructor(client: Observed) {
    this.#client = client;
  }

  /** A user's changes in their order: true for online. */
  of(user: string): boolean[] {
    return this.#client.presences.flatMap((change) => (change.user === user ? [change.online] : []));
  }

  /** Resolves when so many changes of the user have been told. */
  until(user: string, count: number): Promise<void> {
    return this.#client.until(() => this.of(user).length >= count);
  }
}

const REDISES: readonly { name: string; start: () => Promise<TestRedis & AsyncDisposable> }[] = [
  { name: "one Redis", start: () => RedisServer.start() },
  { name: "a Redis Cluster of three masters", start: () => RedisCluster.start() },
];

/** Runs tests on every kind of Redis. A Redis Cluster takes seconds to form, and does so while tests run on the other kind. */
export function onEveryRedis(facts: (redis: () => TestRedis) => void): void {
  for (const { name, start } of REDISES) {
    const started = startedAhead(start);
    describe(`on ${name}`, () => facts(duringTests(started)));
  }
}

/** Tests that break nothing and share one cluster per kind of Redis. Each test has users of its own. */
export function onEveryCluster(env: Environment, facts: (cluster: () => Cluster) => void): void {
  onEveryRedis((redis) => facts(duringTests(() => Cluster.start(redis(), env))));
}

/** Begins to start something before the first test of the file. @returns a function that waits for it */
function startedAhead<Thing extends AsyncDisposable>(start: () => Promise<Thing>): () => Promise<Thing> {
  let starting: Promise<Thing> | undefined;
  const failed = (): undefined => undefined; // told to the tests that wait
  beforeAll(() => {
    starting = start();
    starting.catch(failed);
  });
  // Also when none of the tests that wait has run.
  afterAll(async () => (await starting?.catch(failed))?.[Symbol.asyncDispose]());
  return () => starting ?? start();
}

/** Starts something before the first test and ends it after the last. */
function duringTests<Thing extends AsyncDisposable>(start: () => Promise<Thing>): () => Thing {
  let thing: Thing | undefined;
  beforeAll(async () => {
    thing = await start();
  });
  afterAll(() => thing?.[Symbol.asyncDispose]());
  return () => {
    if (thing === undefined) throw new Error("only started while tests run: call this inside a test");
    return thing;
  };
}
