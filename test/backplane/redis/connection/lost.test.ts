import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { createNode } from "./node.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Cuts connections of one type, but not the one that cuts. */
async function cut(type: "pubsub" | "normal"): Promise<void> {
  const killer = new Redis(server.port, "127.0.0.1");
  await killer.call("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");
  killer.disconnect();
}

it.each([
  ["pubsub", ["subscriber"]],
  ["normal", ["commands", "publisher"]],
] as const)(
  "each lost %s connection is counted, and told when it is lost and remade",
  async (type, names) => {
    const node = await createNode(server.url).started();
    const { health } = node.backplane;
    const told: string[] = [];
    health.watch((event) => "connection" in event && told.push(`${event.connection} ${event.kind}`));
    expect(health.connectionsLost).toEqual({ commands: 0, publisher: 0, subscriber: 0 });

    await cut(type);
    await eventually("all are remade", () => names.every((name) => told.includes(`${name} remade`)));

    for (const name of names)
      expect(told.filter((line) => line.startsWith(name))).toEqual([`${name} lost`, `${name} remade`]);
    const counts = Object.fromEntries(names.map((name) => [name, 1]));
    expect(health.connectionsLost).toEqual({ commands: 0, publisher: 0, subscriber: 0, ...counts });
    expect(told).toHaveLength(2 * names.length);
    await node.backplane.probe();
  },
);

it("an end of the node is no lost connection", async () => {
  const node = await createNode(server.url).started();
  await node.backplane.stop();
  expect(node.backplane.health.connectionsLost).toEqual({ commands: 0, publisher: 0, subscriber: 0 });
});
