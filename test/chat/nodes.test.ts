import { afterAll, beforeAll } from "vitest";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { startScene } from "./scene.ts";
import { chatSuite } from "./suite/suite.ts";

let postgres: PostgresServer;
let redis: RedisServer;
let clusters = 0;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
});
afterAll(async () => {
  await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
});

chatSuite("two nodes with Redis and PostgreSQL", async (options) => {
  const number = ++clusters;
  const cluster = { prefix: `chat${number}:` };
  return startScene({
    ...options,
    database: await postgres.database(`chat${number}`),
    hub: { ...options?.hub, redis: redis.url, cluster },
    nodes: [{ node: { id: "n1" } }, { node: { id: "n2" } }],
  });
});
