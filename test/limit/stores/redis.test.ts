import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  createRateLimiter,
  parseRate,
  type RateLimiterOptions,
  redisStore,
} from "../../../src/limit/limit.ts";
import { eventually } from "../../support/eventually.ts";
import { RedisCluster, RedisServer } from "../../support/redis/redis.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis[Symbol.asyncDispose]());

let names = 0;
/** A name of its own for each test. */
const fresh = (): string => `test-${names++}`;

function limiterOn(url: string | readonly string[], options: Partial<RateLimiterOptions> = {}) {
  const store = redisStore({ url });
  const limiter = createRateLimiter({ rate: "5-H", store, storeTimeoutMs: 10_000, ...options });
  onTestFinished(() => limiter.close());
  return limiter;
}

describe("the Redis store", () => {
  it("counts to the request, for all limiters on one Redis together", async () => {
    const limiters = [limiterOn(redis.url), limiterOn(redis.url)];
    const address = fresh();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => limiters[index % 2]?.check({ address })),
    );
    const remaining = results.filter((result) => result?.allowed).map((result) => result?.remaining);
    expect(remaining.sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it("keeps one key for each count, with the prefix, until the window ends by the clock of Redis", async () => {
    const limiter = limiterOn(redis.url, { rate: "3-M" });
    const address = fresh();
    const { key, resetMs } = await limiter.check({ address });
    expect(key).toBe(`M:*:ip:${address}`);
    expect(await redis.command("GET", `rl:${key}`)).toBe("1");
    const left = Number(await redis.command("PTTL", `rl:${key}`));
    expect(resetMs).toBe(60_000);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    // Redis ends the window: the next one begins with the next request.
    await redis.command("PEXPIRE", `rl:${key}`, 1);
    await eventually(
      "Redis has removed the key",
      async () => (await redis.command("EXISTS", `rl:${key}`)) === 0,
    );
    expect(await limiter.check({ address })).toMatchObject({ remaining: 2, resetMs: 60_000 });
  });

  it("does not count what it refused, and keeps the count when the limit changes", async () => {
    const limiter = limiterOn(redis.url, { rate: "2-H" });
    const address = fresh();
    for (let sent = 0; sent < 5; sent++) await limiter.check({ address });
    limiter.updateConfig({ rate: "4-H", storeTimeoutMs: 10_000 });
    expect(await limiter.check({ address })).toMatchObject({ allowed: true, remaining: 1 });
  });

  it("gives a window to a key without an end", async () => {
    const limiter = limiterOn(redis.url, { rate: "2-M" });
    const address = fresh();
    await redis.command("SET", `rl:M:*:ip:${address}`, 7);
    expect(await limiter.check({ address })).toMatchObject({ allowed: true, resetMs: 60_000 });
    expect(Number(await redis.command("PTTL", `rl:M:*:ip:${address}`))).toBeGreaterThan(0);
  });

  it("takes a client of the application, which stays open, and another prefix", async () => {
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const store = redisStore({ client, prefix: "mine:" });
    const key = fresh();
    expect(await store.take(key, parseRate("1-H"))).toMatchObject({ allowed: true, count: 1 });
    await store.close?.();
    expect(await client.get(`mine:${key}`)).toBe("1");
  });

  it("connects and closes a client that a function makes", async () => {
    const client = new Redis(redis.url, { lazyConnect: true, enableOfflineQueue: false });
    const store = redisStore({ client: () => client });
    expect(await store.take(fresh(), parseRate("1-H"))).toMatchObject({ allowed: true, count: 1 });
    await store.close?.();
    await eventually("the client is closed", () => client.status === "end");
  });

  it("survives a Redis that has forgotten the script", async () => {
    const limiter = limiterOn(redis.url);
    const address = fresh();
    await limiter.check({ address });
    await redis.command("SCRIPT", "FLUSH");
    expect(await limiter.check({ address })).toMatchObject({ reason: "rate", remaining: 3 });
  });

  it.each([
    [{}, "expected either url or client"],
    [{ url: "localhost:6379" }, "url: expected redis://"],
    [{ url: "http://:s3cret@host" }, "url: expected redis://"],
    [{ url: [] }, "url: expected redis://"],
    [{ url: "redis://localhost", prefix: "{a}" }, "prefix: expected"],
    [{ url: "redis://localhost", prefix: "" }, "prefix: expected"],
  ])("refuses %j", (options, problem) => {
    expect(() => redisStore(options)).toThrow(`redisStore: ${problem}`);
    expect(() => redisStore(options)).not.toThrow("s3cret");
  });
});

describe("the Redis store on a Redis Cluster", () => {
  it("counts each key where it lives, and lets no name choose the place", async () => {
    await using cluster = await RedisCluster.start();
    const limiter = limiterOn(
      cluster.masters.map(({ url }) => url),
      { rate: "3-H", identifier: "user" },
    );
    const keysOf = async (): Promise<number[]> =>
      Promise.all(cluster.masters.map(async (master) => Number(await master.command("DBSIZE"))));
    for (let user = 0; user < 30; user++) {
      const taken = await Promise.all(
        Array.from({ length: 5 }, () => limiter.check({ user: `{same}${user}` })),
      );
      expect(taken.filter(({ allowed, reason }) => allowed && reason === "rate")).toHaveLength(3);
    }
    // One place for all would be one master with 30 keys.
    const keys = await keysOf();
    expect(keys.reduce((sum, count) => sum + count)).toBe(30);
    expect(Math.max(...keys)).toBeLessThan(30);
  });
});

describe("a Redis that dies and returns", () => {
  it("delays nobody while it hangs, and counts again when it goes on", async () => {
    await using server = await RedisServer.start();
    const errors: unknown[] = [];
    const observer = { onStoreError: (error: unknown) => errors.push(error) };
    const limiter = limiterOn(server.url, { rate: "3-H", storeTimeoutMs: 100, observer });
    await eventually("Redis answers", async () => (await limiter.check({ address: "a" })).reason === "rate");
    server.pause();
    expect(await limiter.check({ address: "a" })).toMatchObject({ allowed: true, reason: "store_failed" });
    limiter.check({ address: "a" });
    expect(limiter.check({ address: "a" })).not.toBeInstanceOf(Promise);
    expect(errors.length).toBeGreaterThan(0);
    server.continue();
    await eventually(
      "it counts again",
      async () => (await limiter.check({ address: "b" })).reason === "rate",
    );
  });

  it.each(["allow", "deny"] as const)("is answered for with %s while it is dead", async (onStoreError) => {
    await using server = await RedisServer.start();
    const limiter = limiterOn(server.url, { rate: "3-H", storeTimeoutMs: 3_000, onStoreError });
    const counts = async (): Promise<boolean> => (await limiter.check({ address: "a" })).reason === "rate";
    await eventually("Redis answers", counts);
    await server.kill();
    const result = await limiter.check({ address: "a" });
    expect(result).toMatchObject({ allowed: onStoreError === "allow", reason: "store_failed" });
    await server.restart();
    await eventually("it counts again", counts);
    const taken = await Promise.all(Array.from({ length: 10 }, () => limiter.check({ address: "fresh" })));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(3);
  });

  it("is waited for at the start, and not longer than the deadline", async () => {
    const server = await RedisServer.start();
    await server.kill();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const limiter = limiterOn(server.url, { storeTimeoutMs: 500 });
    expect(await limiter.check({})).toMatchObject({ allowed: true, reason: "store_failed" });
    await server.restart();
    await eventually("it counts", async () => (await limiter.check({})).reason === "rate");
  });
});
