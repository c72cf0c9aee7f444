import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { type Backplane, redisBackplane } from "../../src/backplane/backplane.ts";
import { EVERY_PARTITION, partitionOfUser } from "../../src/backplane/redis/keys.ts";
import { eventually } from "../support/redis.ts";
import { RedisCluster } from "../support/redis-cluster.ts";
import { connectionOf, NO_RULES, RecordingSink, type TestNode } from "./harness.ts";

/** Remembers failures, which here are meant to happen. */
class Sink extends RecordingSink {
  readonly reports: string[] = [];

  override report(_stage: string, error: unknown): void {
    this.reports.push(error instanceof Error ? error.message : String(error));
  }
}

interface Node extends TestNode, AsyncDisposable {
  readonly sink: Sink;
}

type Options = Parameters<typeof redisBackplane>[0];

async function startNode(id: string, options: Pick<Options, "url"> & Partial<Options>): Promise<Node> {
  const backplane: Backplane = redisBackplane({ history: { count: 10, ageMs: 60_000 }, ...options });
  const sink = new Sink();
  await backplane.start({ id, ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
  const { broker, cursors, memberships, presence, cluster } = backplane;
  const ports = { broker, cursors, memberships, presence, cluster };
  return { ...ports, id, backplane, sink, [Symbol.asyncDispose]: () => backplane.stop() };
}

/** One user for each partition. */
const usersCalled = (name: string): string[] =>
  EVERY_PARTITION.map((partition) => {
    for (let number = 0; ; number++) {
      const user = `${name}-${number}`;
      if (partitionOfUser(user) === partition) return user;
    }
  });

async function arriveAll(node: Node, users: readonly string[]): Promise<void> {
  await Promise.all(users.map((user) => node.presence.arrive(connectionOf(node, user), NO_RULES)));
  await node.sink.until(() => users.every((user) => node.sink.changesOf(user).length > 0));
}

test.each([0, 1, 2])(
  "master %i of a Redis Cluster comes back empty: nobody is told again who is online",
  async (index) => {
    await using redis = await RedisCluster.start();
    await using node = await startNode("n1", { url: redis.url, prefix: `${randomUUID()}:` });
    const users = usersCalled("user");
    await arriveAll(node, users);

    await redis.masters[index]?.kill();
    await eventually(() =>
      node.backplane.probe().then(
        () => false,
        () => true,
      ),
    );
    await redis.masters[index]?.restart();
    await eventually(
      async () => (await node.presence.count().catch(() => undefined))?.users === users.length,
    );

    // Whoever comes now is heard of after everyone who would have been announced.
    await arriveAll(node, usersCalled("later"));
    for (const user of users) expect(node.sink.changesOf(user), user).toEqual([true]);
  },
);
