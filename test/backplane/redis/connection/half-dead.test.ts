import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { startCluster, upTo } from "../../contract/harness.ts";
import { IMPATIENT, redisOn } from "../harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A proxy to Redis whose connections can die without a sign: they stay open, and forward nothing any more. */
async function startProxy() {
  const connections: { client: Socket; upstream: Socket }[] = [];
  const listener = createServer((client) => {
    const upstream = connect(server.port, "127.0.0.1");
    connections.push({ client, upstream });
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // of a server that listens to a port
  return {
    url: `redis://127.0.0.1:${port}`,
    masters: [server],
    get count() {
      return connections.length;
    },
    /** @param index counts all connections in the order in which they were made */
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
      listener.close();
    },
  };
}

// The numbers are the order in which a node connects. Side by side: each waits for timeouts.
test.concurrent.each<[string, number[]]>([
  ["a connection for scripts", [0]],
  ["a connection for publishing", [1]],
  ["a connection for listening", [2]],
  ["every connection", [0, 1, 2]],
])("%s that is dead without a sign is replaced, and no stored message is lost", async (_, dead) => {
  using proxy = await startProxy();
  await using cluster = await startCluster(
    redisOn(() => proxy, undefined, IMPATIENT),
    { heartbeatMs: 200 },
    1,
  );
  const { node } = cluster;
  node.sink.report = () => undefined;
  await node.routes.join("g", "alice");
  await node.broker.positions(["group:g"]);
  await node.broker.append(cluster.message("group:g"));
  expect(proxy.count).toBe(3);

  for (const index of dead) proxy.silence(index);
  await eventually("a message is stored over a new connection", () =>
    node.broker.append(cluster.message("group:g", { id: "after" })).then(
      () => proxy.count > 3,
      () => false,
    ),
  );

  const { messages, last } = await node.broker.history("group:g", { limit: 1_000 });
  await node.sink.until(() => node.sink.offsets("group:g").at(-1) === last);
  expect(node.sink.offsets("group:g")).toEqual(upTo(last));
  expect(node.sink.delivered.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  await node.backplane.probe();
});
