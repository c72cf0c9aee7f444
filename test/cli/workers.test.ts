import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Observed } from "../client/harness.ts";
import { eventually } from "../support/eventually.ts";
import { Peer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { end, type Served, serve, tidings } from "./run.ts";

let redis: RedisServer;
let server: Served | undefined;
beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  await end(server);
  server = undefined;
  await redis[Symbol.asyncDispose]();
});

/** A server of so many workers, `hub-1`, `hub-2` and so on, that tells in its log what happens to them. */
async function serveWorkers(count: number, ...args: string[]): Promise<Served> {
  const env = {
    REDIS_URL: redis.url,
    NODE_ID: "hub",
    CLUSTER_HEARTBEAT_INTERVAL: "0.2",
    CLUSTER_NODE_TIMEOUT: "1",
    SHUTDOWN_RECONNECT_SPREAD_MS: "0",
  };
  server = await serve(["--workers", String(count), "--log-level", "info", "--json", ...args], env);
  return server;
}

/** The process of a worker: of its first start, or of a later one. */
async function pidOf({ printed, prints }: Served, worker: unknown, start = 1): Promise<number> {
  const ofWorker = (line: string) => line.includes(`"worker":"${worker}"`) && line.includes("worker started");
  await prints(() => printed.filter(ofWorker).length >= start);
  return JSON.parse(printed.filter(ofWorker)[start - 1] ?? "{}").pid;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Connects clients until each of so many workers has one. */
async function reachAll({ socketUrl }: Served, count: number): Promise<Map<unknown, Peer>> {
  const reached = new Map<unknown, Peer>();
  let n = 0;
  await eventually(`${count} workers have a client`, async () => {
    const peer = await Peer.connect(`${socketUrl}?user_id=u${n++}`).catch(() => undefined);
    const node = (await peer?.frame("welcome"))?.node;
    if (peer !== undefined && !reached.has(node)) reached.set(node, peer);
    else peer?.end();
    return reached.size === count;
  });
  return reached;
}

/** Publishes over HTTP to a user, again with the same key when the worker that was asked is gone. */
async function sendTo({ url }: Served, user: string, data: number): Promise<void> {
  const body = JSON.stringify({ to: user, type: "n", data, key: `m${data}` });
  const send = () => fetch(`${url}/ws/message`, { method: "POST", body }).then(({ ok }) => ok);
  await eventually(`message ${data} is sent`, () => send().catch(() => false));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

describe("tidings serve --workers", () => {
  it("runs nodes that share one port, and each gets clients", async () => {
    const running = await serveWorkers(3);
    expect(JSON.parse(running.line)).toMatchObject({ event: "listening", node: "hub", workers: 3 });
    const reached = await reachAll(running, 3);
    expect([...reached.keys()].sort()).toEqual(["hub-1", "hub-2", "hub-3"]);
    const port = Number(new URL(running.url).port);
    const nodes = await (await fetch(`${running.url}/nodes`)).json();
    const node = (id: string) => expect.objectContaining({ id, port, status: "active" });
    expect(nodes).toHaveLength(3);
    expect(nodes).toEqual(expect.arrayContaining([node("hub-1"), node("hub-2"), node("hub-3")]));
    for (const peer of reached.values()) peer.end();
  });

  it("replaces a worker that was killed; its users reconnect and miss nothing", async () => {
    const running = await serveWorkers(2);
    for (const peer of (await reachAll(running, 2)).values()) peer.end();
    await using alice = new Observed(running.socketUrl);
    const { node } = (await alice.status("open")).welcome;
    const total = 60;
    for (const n of range(total)) {
      await sendTo(running, "alice", n);
      if (n === total / 2) process.kill(await pidOf(running, node), "SIGKILL");
    }
    await alice.until(() => alice.received.length >= total);
    expect(alice.received).toEqual(range(total));
    expect(alice.all("lost")).toEqual([]);
    const ended = await running.prints((line) => line.includes("worker ended"));
    expect(JSON.parse(ended)).toMatchObject({ worker: node, signal: "SIGKILL", pauseMs: 1_000 });
    await pidOf(running, node, 2);
    for (const peer of (await reachAll(running, 2)).values()) peer.end();
    // The one before has been declared dead, so that only the living are listed.
    const nodesListed = async () =>
      ((await (await fetch(`${running.url}/nodes`)).json()) as unknown[]).length;
    await eventually("two nodes are listed", async () => (await nodesListed()) === 2);
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "drains all workers at %s and ends when they are gone",
    async (name) => {
      const running = await serveWorkers(2);
      const reached = await reachAll(running, 2);
      const pids = await Promise.all([pidOf(running, "hub-1"), pidOf(running, "hub-2")]);
      running.signal(name);
      for (const peer of reached.values()) {
        expect(await peer.frame("notice")).toMatchObject({ code: "drain" });
        expect((await peer.closed).code).toBe(4000);
      }
      expect((await running.ended).code).toBe(0);
      expect(pids.filter(isAlive)).toEqual([]);
    },
  );

  it("a second signal ends everything at once", async () => {
    const running = await serveWorkers(2, "--shutdown-drain-ms", "60000");
    const stalled = [...(await reachAll(running, 2)).values()];
    for (const peer of stalled) peer.pause();
    const pids = await Promise.all([pidOf(running, "hub-1"), pidOf(running, "hub-2")]);
    const warned = running.warned();
    running.signal("SIGTERM");
    await warned;
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(128 + 15);
    await eventually("both workers have ended", () => !pids.some(isAlive));
    for (const peer of stalled) peer.end();
  });

  it("leaves no worker behind when it is killed", async () => {
    const running = await serveWorkers(2);
    const reached = await reachAll(running, 2);
    const pids = await Promise.all([pidOf(running, "hub-1"), pidOf(running, "hub-2")]);
    running.signal("SIGKILL");
    for (const peer of reached.values()) expect((await peer.closed).code).toBe(4000);
    await eventually("both workers have ended", () => !pids.some(isAlive));
  });

  it("starts one worker per core when that is left to it", async () => {
    const env = { REDIS_URL: redis.url };
    server = await serve(["--workers", "auto", "--json"], env);
    expect(JSON.parse(server.line).workers).toBeGreaterThan(0);
  });
});

describe("tidings serve --workers refuses", () => {
  it("to start without Redis, which several nodes need", async () => {
    const { code, stderr } = await tidings(["serve", "--workers", "2", "--port", "0"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: --workers: several processes are several nodes, and those need Redis (set REDIS_URL)\n",
    });
  });

  it("a number that is none", async () => {
    const { code, stderr } = await tidings(["serve", "--workers", "none"], { REDIS_URL: redis.url });
    expect(code).toBe(1);
    expect(stderr).toContain("Expected a whole number from 1 to 256, or auto.");
  });

  it("to join in at a port where workers of another server listen", async () => {
    const { url } = await serveWorkers(1);
    const { port } = new URL(url);
    const args = ["serve", "--workers", "1", "--port", port];
    const { code, stderr } = await tidings(args, { REDIS_URL: redis.url, LOG_LEVEL: "silent" });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    });
  });

  it("to go on when the first worker cannot start", async () => {
    const args = ["serve", "--workers", "2", "--port", "0", "--host", "0.0.0.0"];
    const { code, stderr } = await tidings(args, { REDIS_URL: redis.url, LOG_LEVEL: "silent" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: refusing to listen on 0\.0\.0\.0 without authentication/);
    expect(stderr).toContain("error: the first worker did not start\n");
  });

  it("to be a worker without a supervisor", async () => {
    const { code, stderr } = await tidings(["worker"]);
    expect(code).toBe(1);
    expect(stderr).toContain("a worker is started by tidings serve --workers");
  });
});
