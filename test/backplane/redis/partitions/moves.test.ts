import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { partitionOfUser } from "../../../../src/backplane/redis/wire/keys.ts";
import { TidingsError } from "../../../../src/protocol/protocol.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisCluster, type RedisServer } from "../../../support/redis/redis.ts";
import { connectionOf, NO_RULES, type StartedCluster, startCluster, upTo } from "../../contract/harness.ts";
import { redisOn } from "../harness.ts";

const PARTITION = 12;
const ELSEWHERE = 13;
/** In the slot of the partition, as all of its keys. */
const KEY = `{${PARTITION}}`;
/** Pause between two messages to one user. */
const PAUSE_MS = 40;

let redis: RedisCluster;
let added: RedisServer;
beforeAll(async () => {
  redis = await RedisCluster.start();
  added = await redis.addMaster();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  const { owner } = await redis.ownerOf(KEY);
  if (owner !== first()) await redis.move(KEY, first());
});

const first = (): RedisServer => redis.masters[0] ?? expect.fail("the Redis Cluster has no master");

/** Names of users whose channels are in a partition. */
function usersOf(partition: number, count: number): string[] {
  const users: string[] = [];
  for (let number = 0; users.length < count; number++) {
    if (partitionOfUser(`u${number}`) === partition) users.push(`u${number}`);
  }
  return users;
}

/** Two nodes, with these users connected to both. */
async function startNodes(users: readonly string[]): Promise<StartedCluster> {
  const cluster = await startCluster(
    // So long a call waits for the end of a move.
    redisOn(
      () => redis,
      undefined,
      () => ({ commandTimeoutMs: 6_000 }),
    ),
    { heartbeatMs: 1_000 },
    2,
  );
  for (const node of cluster.nodes) {
    for (const user of users) await node.presence.arrive(connectionOf(node, user), NO_RULES);
  }
  await cluster.node.broker.positions(users.map((user) => `user:${user}` as const));
  return cluster;
}

/** Writes to each user in turn from both nodes, as applications do: what is unavailable is repeated under its key. */
class Writing {
  readonly #cluster: StartedCluster;
  readonly #written = new Map<string, string[]>();
  readonly #running: Promise<unknown>;
  #isStopped = false;

  constructor(cluster: StartedCluster, users: readonly string[]) {
    this.#cluster = cluster;
    this.#running = Promise.all(users.map((user, index) => this.#write(user, index % 2)));
  }

  async stop(): Promise<ReadonlyMap<string, string[]>> {
    this.#isStopped = true;
    await this.#running;
    return this.#written;
  }

  async #write(user: string, index: number): Promise<void> {
    const ids: string[] = [];
    this.#written.set(user, ids);
    const { broker } = this.#cluster.nodes[index] ?? this.#cluster.node;
    while (!this.#isStopped) {
      const message = this.#cluster.message(`user:${user}`, {
        body: JSON.stringify(`${user} ${ids.length}`),
      });
      const key = ids.length % 2 === 0 ? message.id : undefined;
      await (key === undefined ? broker.append(message) : insist(() => broker.append(message, key)));
      ids.push(message.body);
      await sleep(PAUSE_MS);
    }
  }
}

const insist = <Answer extends object>(attempt: () => Promise<Answer>) =>
  eventually("the message is stored", () => attempt().catch(unavailable));

function unavailable(error: unknown): undefined {
  if (!(error instanceof TidingsError) || error.code !== "unavailable") throw error;
}

async function expectAllOnce(
  { nodes }: StartedCluster,
  written: ReadonlyMap<string, string[]>,
): Promise<void> {
  for (const { sink } of nodes) {
    for (const [user, bodies] of written) {
      const delivered = () => sink.delivered.filter(({ channel }) => channel === `user:${user}`);
      await sink.until(() => delivered().length >= bodies.length);
      expect(delivered().map(({ body }) => body)).toEqual(bodies);
      expect(sink.offsets(`user:${user}`)).toEqual(upTo(bodies.length));
    }
    expect(sink.losses).toEqual([]);
  }
}

test("a partition moves to an added master and back while 40 users get messages: nothing is lost, doubled or reordered", async () => {
  const users = usersOf(PARTITION, 40);
  await using cluster = await startNodes(users);
  const writing = new Writing(cluster, users);
  await cluster.other.sink.until(() => cluster.other.sink.delivered.length > 100);

  await redis.move(KEY, added);
  await cluster.other.sink.until(() => cluster.other.sink.delivered.length > 200);
  await redis.move(KEY, first());
  const seen = cluster.node.sink.delivered.length;
  await cluster.node.sink.until(() => cluster.node.sink.delivered.length > seen + 100);

  await expectAllOnce(cluster, await writing.stop());
  const { users: online } = await cluster.other.presence.online({ limit: 100 });
  expect(online.map(({ user }) => user).sort()).toEqual(users.toSorted());
  expect(await cluster.node.presence.count()).toEqual({ users: 40, connections: 80 });
});

test("a partition whose keys are on two masters refuses calls, and the others go on", async () => {
  const [user = ""] = usersOf(PARTITION, 1);
  const [neighbour = ""] = usersOf(ELSEWHERE, 1);
  await using cluster = await startNodes([user, neighbour]);
  const { node, other, message } = cluster;
  for (const { sink } of cluster.nodes) sink.report = () => undefined;
  await node.broker.append(message(`user:${user}`));
  const move = await redis.beginMove(KEY, added);
  expect(await move.migrate(4)).toBe(4);

  const refused = [
    node.broker.append(message(`user:${user}`)),
    other.broker.history(`user:${user}`, { limit: 1 }),
    other.broker.positions([`user:${user}`]),
    node.presence.arrive(connectionOf(node, user), NO_RULES),
    other.cursors.move(user, "web", `user:${user}`, { offset: 1 }),
  ];
  for (const call of await Promise.allSettled(refused)) {
    expect(call).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
  }
  expect((await node.broker.append(message(`user:${neighbour}`))).offset).toBe(1);
  await Promise.all(cluster.nodes.map(({ backplane }) => backplane.probe()));
  // A call that waits when the move ends succeeds.
  const waiting = node.broker.append(message(`user:${user}`, { id: "waits" }));
  while ((await move.migrate(10)) > 0);
  await move.end();

  expect((await waiting).offset).toBe(2);
  await other.sink.until(() => other.sink.offsets(`user:${user}`).length === 2);
  expect(other.sink.losses).toEqual([]);
  await eventually("the connection that was refused is not counted", async () => {
    const { connections } = await other.presence.count();
    return connections === 4;
  });
});

test("a node that starts while a slot is held half-way serves the other partitions", async () => {
  const [user = ""] = usersOf(PARTITION, 1);
  const [neighbour = ""] = usersOf(ELSEWHERE, 1);
  const implementation = redisOn(() => redis);
  await using cluster = await startNodes([user]);
  await cluster.node.broker.append(cluster.message(`user:${user}`));
  for (const { sink } of cluster.nodes) sink.report = () => undefined;
  const move = await redis.beginMove(KEY, added);
  await move.migrate(3);

  await using late = await startCluster(implementation);
  late.node.sink.report = () => undefined;
  expect((await late.node.broker.append(late.message(`user:${neighbour}`))).offset).toBe(1);
  while ((await move.migrate(10)) > 0);
  await move.end();

  expect((await cluster.other.broker.append(cluster.message(`user:${user}`))).offset).toBe(2);
});

test("a node that has its publishing connection to a master that is removed goes on with another one", async () => {
  const spare = await redis.addMaster();
  const [user = ""] = usersOf(PARTITION, 1);
  await using cluster = await startNodes([user]);
  // A connection to the removed master may be in use.
  for (const { sink } of cluster.nodes) sink.report = () => undefined;
  await redis.move(KEY, spare);
  await insist(() => cluster.node.broker.append(cluster.message(`user:${user}`)));
  await redis.move(KEY, first());
  await redis.removeMaster(spare);
  await using _ = spare;

  await insist(() => cluster.node.broker.append(cluster.message(`user:${user}`)));
  await Promise.all(
    cluster.nodes.map(({ sink }) => sink.until(() => sink.offsets(`user:${user}`).length >= 2)),
  );
});
