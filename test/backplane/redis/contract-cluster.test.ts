import { afterAll, beforeAll } from "vitest";
import { RedisCluster } from "../../support/redis/redis.ts";
import { backplaneContract } from "../contract/contract.ts";
import { redisOn } from "./harness.ts";

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
});
afterAll(() => cluster[Symbol.asyncDispose]());

backplaneContract(
  "the Redis backplane on a Redis Cluster",
  redisOn(() => cluster),
);
