import { afterAll, beforeAll } from "vitest";
import { RedisServer } from "../../support/redis/redis.ts";
import { backplaneContract } from "../contract/contract.ts";
import { redisOn } from "./harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

backplaneContract(
  "the Redis backplane",
  redisOn(() => server),
);

backplaneContract(
  "the Redis backplane, each message appended by a command of its own",
  redisOn(() => server, 1),
);
