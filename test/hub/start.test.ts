import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createHub, type Hub } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { Balancer } from "../support/nodes/nodes.ts";
import { connectPeer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";

interface Waiting {
  readonly hub: Hub<Record<string, unknown>>;
  readonly address: string;
  readonly started: Promise<unknown>;
  /** The first error that the hub reports. */
  readonly failure: Promise<unknown>;
}

/** Starts a hub that listens already and waits for a Redis that is not available. */
async function startWaiting(redis: string): Promise<Waiting> {
  const hub = createHub({ logLevel: "silent", redis, host: "127.0.0.1", port: await freePort() });
  onTestFinished(() => hub.close());
  const failure = Promise.withResolvers<unknown>();
  hub.on("error", ({ error }) => failure.resolve(error));
  const started = hub.listen();
  started.catch(() => undefined); // the tests that need the failure await it
  const address = `http://127.0.0.1:${hub.config.port}`;
  const isOpen = () =>
    fetch(address).then(
      () => true,
      () => false,
    );
  await eventually("the hub listens", isOpen);
  return { hub, address, started, failure: failure.promise };
}

/** A Redis that was killed. */
async function absentRedis(): Promise<RedisServer> {
  const redis = await RedisServer.start();
  await redis.kill();
  return redis;
}

const readiness = async (address: string): Promise<unknown> => {
  const response = await fetch(`${address}/ready`);
  return [response.status, await response.json()];
};

const red = [
  503,
  { ready: false, reasons: [expect.stringMatching(/^redis backplane: /)], degraded: expect.any(Array) },
];
// The settings of a Redis for tests are degraded: it keeps nothing when it restarts.
const green = [200, { ready: true, reasons: [], degraded: expect.any(Array) }];

it("a hub that is closed before its port is open leaves no port open", async () => {
  const port = await freePort();
  const hub = createHub({ logLevel: "silent", host: "127.0.0.1", port });
  const listening = expect(hub.listen()).rejects.toMatchObject({ code: "unavailable" });
  await hub.close();
  await listening;
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
});

describe("a hub whose Redis is not available yet", () => {
  it("is alive and not ready, and starts by itself when Redis is available", async () => {
    await using redis = await absentRedis();
    const { hub, address, started } = await startWaiting(redis.url);
    expect((await fetch(`${address}/health`)).status).toBe(200);
    expect(await readiness(address)).toEqual(red);
    expect((await fetch(`${address}/users`)).status).toBe(503);
    await expect(hub.broadcast({ type: "n" })).rejects.toMatchObject({ code: "unavailable" });
    await redis.restart();
    await started;
    expect(await readiness(address)).toEqual(green);
    await hub.broadcast({ type: "n" });
  });

  it("keeps a client waiting that connects shortly before Redis is available", async () => {
    // The hub waits for two seconds only, so Redis runs already, behind a door that is closed.
    await using redis = await RedisServer.start();
    await using door = await Balancer.start([]);
    const { address } = await startWaiting(`redis://127.0.0.1:${new URL(door.url).port}`);
    const peer = connectPeer(`${address.replace("http", "ws")}/ws?user_id=alice`);
    door.backends = [redis];
    await peer;
  });

  it("refuses a client with 503 after a moment", async () => {
    await using redis = await absentRedis();
    const { address } = await startWaiting(redis.url);
    const socket = new WebSocket(`${address.replace("http", "ws")}/ws?user_id=alice`);
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(503);
  });

  it("reports the failure of the connection to Redis, and starts afterwards", async () => {
    await using redis = await absentRedis();
    const { failure, started } = await startWaiting(redis.url);
    expect(String(await failure)).toContain("ECONNREFUSED");
    await redis.restart();
    await started;
  });

  it("can be closed", async () => {
    await using redis = await absentRedis();
    const { hub, started } = await startWaiting(redis.url);
    await hub.close();
    await expect(started).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a hub whose Redis becomes unavailable", () => {
  it("is not ready until Redis recovers, whether Redis ended or only hangs", async () => {
    await using redis = await RedisServer.start();
    const { address, started } = await startWaiting(redis.url);
    await started;
    expect(await readiness(address)).toEqual(green);
    redis.pause();
    expect(await readiness(address)).toEqual(red);
    expect((await fetch(`${address}/health`)).status).toBe(200);
    redis.continue();
    await eventually("the hub is ready", async () => (await fetch(`${address}/ready`)).status === 200);
    await redis.kill();
    await eventually("the hub is not ready", async () => (await fetch(`${address}/ready`)).status === 503);
    await redis.restart();
    await eventually("the hub is ready", async () => (await fetch(`${address}/ready`)).status === 200);
  });
});
