import { beforeAll, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { RedisServer } from "../../support/redis/redis.ts";
import { type Fields, type GrpcClient, startGrpc } from "./client.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start({ persistent: true });
  return () => redis[Symbol.asyncDispose]();
});

let clusters = 0;

/** Two nodes of one cluster. */
async function startTwo() {
  const cluster = { prefix: `t${++clusters}:`, heartbeatInterval: 0.1, nodeTimeout: 5 };
  const start = (id: string) => startGrpc({ redis: redis.url, cluster, node: { id } });
  return [await start("n1"), await start("n2")] as const;
}

/** Takes the data of messages from a stream until there are so many. @returns the last position */
async function take(
  client: GrpcClient,
  start: Fields | undefined,
  texts: number[],
  count: number,
): Promise<Fields | undefined> {
  let position: Fields | undefined;
  for await (const event of client.stream("Subscribe", { channel: "group:g", start })) {
    expect(event.lost).toBe(false);
    position = event.position as Fields;
    const message = event.message as Fields | undefined;
    if (message !== undefined) texts.push(Number(message.dataJson));
    if (texts.length >= count) break;
  }
  return position;
}

it("streams what other nodes append to a channel without members here, and is no member itself", async () => {
  const [n1, n2] = await startTwo();
  const texts: number[] = [];
  const taken = take(n1.client, { case: "first", value: true }, texts, 50);
  for (let data = 1; data <= 50; data++) await n2.running.hub.group("g").send({ type: "n", data });
  await taken;
  expect(texts).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(await n1.client.call("CountMembers", { group: "g" })).toEqual({});
});

it("streams on at another node after its own was closed, and through an outage of Redis, without loss and repetition", async () => {
  const [n1, n2] = await startTwo();
  const texts: number[] = [];
  let sent = 0;
  const send = async (until: number): Promise<void> => {
    while (sent < until) {
      const data = sent + 1;
      const message = { type: "n", data, key: `k${data}` };
      await eventually("Redis takes the message", () =>
        n2.running.hub
          .group("g")
          .send(message)
          .then(() => true)
          .catch(() => false),
      );
      sent = data;
    }
  };
  const first = take(n1.client, { case: "first", value: true }, texts, 20);
  await send(30);
  const position = await first;
  await n1.running.hub.close();
  const second = take(n2.client, { case: "after", value: position }, texts, 60);
  await send(45);
  await redis.stop();
  await redis.restart();
  await send(60);
  await second;
  expect(texts).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
});
