import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { startCluster, upTo } from "./harness.ts";
import { redisOn } from "./redis-harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A way to Redis whose connections can die without a word: nothing goes through them any more, and nobody is told. */
async function way() {
  const connections: { client: Socket; upstream: Socket }[] = [];
  const proxy = createServer((client) => {
    const upstream = connect(server.port, "127.0.0.1");
    connections.push({ client, upstream });
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo; // of a server that listens to a port
  return {
    url: `redis://127.0.0.1:${port}`,
    masters: [server],
    get count() {
      return connections.length;
    },
    /** Of the connections that there have been, by when they were made. */
    silence(index: number): void {
      const { client, upstream } = connections[index] ?? expect.fail("there is no such connection");
      client.unpipe(upstream);
      upstream.unpipe(client);
      client.resume();
      upstream.resume();
    },
    [Symbol.dispose]() {
      for (const { client, upstream } of connections)
        for (const socket of [client, upstream]) socket.destroy();
      proxy.close();
    },
  };
}

// In the order in which a node makes them.
test.each<[string, number[]]>([
  ["a connection for scripts", [0]],
  ["a connection for publishing", [1]],
  ["a connection for listening", [2]],
  ["every connection", [0, 1, 2]],
])("%s that is dead without a word is replaced, and nothing that is stored is lost", async (_, dead) => {
  using slow = await way();
  await using cluster = await startCluster(
    redisOn(() => slow),
    { heartbeatMs: 200 },
    1,
  );
  const { node } = cluster;
  node.sink.report = () => undefined;
  await node.broker.join("g", "alice");
  await node.broker.positions(["group:g"]);
  await node.broker.append(cluster.message("group:g"));
  expect(slow.count).toBe(3);

  for (const index of dead) slow.silence(index);
  await eventually("a message is stored over a new connection", () =>
    node.broker.append(cluster.message("group:g", { id: "after" })).then(
      () => slow.count > 3,
      () => false,
    ),
  );

  const { messages, last } = await node.broker.history("group:g", { limit: 1_000 });
  await node.sink.until(() => node.sink.offsets("group:g").at(-1) === last);
  expect(node.sink.offsets("group:g")).toEqual(upTo(last));
  expect(node.sink.delivered.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  await node.backplane.probe();
});
