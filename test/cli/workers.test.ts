import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
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

/** Starts a server with workers `hub-1`, `hub-2` …, which logs their starts and exits. */
async function serveWorkers(count: number, ...args: string[]): Promise<Served> {
  const env = {
    REDIS_URL: redis.url,
    NODE_ID: "hub",
    CLUSTER_HEARTBEAT_INTERVAL: "0.2",
    CLUSTER_NODE_TIMEOUT: "10",
    SHUTDOWN_RECONNECT_SPREAD_MS: "0",
  };
  server = await serve(["--workers", String(count), "--log-level", "info", "--json", ...args], env);
  return server;
}

/** Resolves with a worker's process id, of its nth start. */
async function pidOf({ printed, prints }: Served, worker: unknown, start = 1): Promise<number> {
  const ofWorker = (line: string) => line.includes(`"worker":"${worker}"`) && line.includes("worker started");
  await prints(() => printed.filter(ofWorker).length >= start);
  return JSON.parse(printed.filter(ofWorker)[start - 1] ?? "{}").workerPid;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Connects clients until each of the workers has one. */
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

/** Publishes to a user over HTTP, and repeats it with the same key when the called worker exited. */
async function sendTo({ url }: Served, user: string, data: number): Promise<void> {
  const body = JSON.stringify({ to: user, type: "n", data, key: `m${data}` });
  const send = () => fetch(`${url}/ws/message`, { method: "POST", body }).then(({ ok }) => ok);
  await eventually(`message ${data} is sent`, () => send().catch(() => false));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Answer = { readonly status: number; readonly body: any };

/** Asks any of the workers, each time over a connection of its own. */
async function ask({ url }: Served, path: string, limitMs = 60_000): Promise<Answer> {
  const headers = { connection: "close" };
  const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(limitMs) });
  return { status: response.status, body: await response.json() };
}

/** Asks until a worker that does not hang gives an answer that matches. One that hangs is killed soon, so several are asked at once. */
async function askOthers(
  running: Served,
  path: string,
  matches: (body: Answer["body"]) => boolean,
): Promise<Answer["body"]> {
  const attempt = async (): Promise<{ readonly body: Answer["body"] }> => {
    const { body } = await ask(running, path, 5_000);
    if (!matches(body)) throw new Error("it does not match");
    return { body };
  };
  const { body } = await eventually(`${path} matches`, () =>
    Promise.any([attempt(), attempt(), attempt(), attempt()]).catch(() => undefined),
  );
  return body;
}

/** The series of a scrape, by name and labels. */
async function metricsOf({ url }: Served): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("tidings serve --workers", () => {
  it("restarts a killed worker, and its users reconnect without a loss", async () => {
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
    const exited = await running.prints((line) => line.includes("worker exited"));
    expect(JSON.parse(exited)).toMatchObject({ worker: node, signal: "SIGKILL", pauseMs: 1_000 });
    await pidOf(running, node, 2);
    for (const peer of (await reachAll(running, 2)).values()) peer.end();
    // The dead node of the killed worker is removed from the list.
    const nodesListed = async () =>
      ((await (await fetch(`${running.url}/nodes`)).json()) as unknown[]).length;
    await eventually("two nodes are listed", async () => (await nodesListed()) === 2);
  });

  it("gives all workers, and those that follow, the limits of the file at SIGHUP", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "tidings.yaml");
    writeFileSync(file, "");
    const running = await serveWorkers(2, "--config", file);
    const pids = [await pidOf(running, "hub-1"), await pidOf(running, "hub-2")];
    // A call reaches one of the workers, of a connection of its own.
    const rates = async (): Promise<string> => {
      const ask = () => fetch(`${running.url}/limits`, { headers: { connection: "close" } });
      const answers = await Promise.all(Array.from({ length: 20 }, async () => (await ask()).text()));
      return [...new Set(answers.map((text) => /"messagesPerUser":"([^"]+)"/.exec(text)?.[1]))].join();
    };
    expect(await rates()).toBe("120000-M");
    writeFileSync(file, "limits:\n  messagesPerUser: 80-S\n");
    running.signal("SIGHUP");
    await eventually("all workers have the limit", async () => (await rates()) === "80-S");
    process.kill(pids[0] ?? 0, "SIGKILL");
    await pidOf(running, "hub-1", 2);
    await eventually("the next worker serves", () =>
      reachAll(running, 2).then((reached) => reached.size === 2),
    );
    expect(await rates()).toBe("80-S");
  });

  it("runs nodes on one shared port: each accepts clients, and whichever is asked answers for all", async () => {
    const running = await serveWorkers(3);
    expect(JSON.parse(running.line)).toMatchObject({ event: "listening", node: "hub", workers: 3 });
    const reached = await reachAll(running, 3);
    const answered = ["hub-1", "hub-2", "hub-3"];
    expect([...reached.keys()].sort()).toEqual(answered);
    const port = Number(new URL(running.url).port);
    const nodes = await (await fetch(`${running.url}/nodes`)).json();
    const node = (id: string) => expect.objectContaining({ id, port, status: "active" });
    expect(nodes).toHaveLength(3);
    expect(nodes).toEqual(expect.arrayContaining(answered.map(node)));
    for (const n of range(9)) await sendTo(running, "alice", n);

    const [stats, health, ready] = await Promise.all(
      ["/stats", "/health", "/ready"].map((path) => ask(running, path)),
    );
    expect(stats?.body).toMatchObject({ node: "hub", connections: 3, workers: { answered, silent: [] } });
    expect(stats?.body.published.stored).toBe(9);
    expect(health?.body).toMatchObject({ is_running: true, websocket_count: 3, node_id: "hub" });
    expect(ready).toMatchObject({ status: 200, body: { ready: true, reasons: [] } });
    expect(ready?.body.degraded.map(({ what }: { what: string }) => what)).not.toContain("workers");
    const metrics = await metricsOf(running);
    expect(metrics.get("tidings_connections")).toBe(3);
    expect(metrics.get('tidings_published_total{kind="stored"}')).toBe(9);
    expect(metrics.get('tidings_publish_seconds_count{kind="stored"}')).toBe(9);
    expect(metrics.get('tidings_publish_seconds_bucket{kind="stored",le="+Inf"}')).toBe(9);
    expect(metrics.get('tidings_workers{state="answered"}')).toBe(3);
    expect(metrics.get("tidings_backplane_up")).toBe(1);
    for (const peer of reached.values()) peer.end();
  });

  it("names a worker that hangs in answers of the others, and replaces it: its users come back, and no counter falls", async () => {
    const running = await serveWorkers(3);
    const reached = await reachAll(running, 3);
    const before = await metricsOf(running);
    const stopped = await pidOf(running, "hub-1");

    process.kill(stopped, "SIGSTOP");

    const [stats, ready] = await Promise.all([
      askOthers(running, "/stats", ({ workers }) => workers.silent.length > 0),
      askOthers(running, "/ready", ({ degraded }) =>
        degraded.some(({ what }: { what: string }) => what === "workers"),
      ),
    ]);
    expect(stats.workers).toEqual({ answered: ["hub-2", "hub-3"], silent: ["hub-1"] });
    const entry = { what: "workers", why: "hub-1 does not answer", since: expect.any(Number) };
    expect(ready).toMatchObject({ ready: true, degraded: expect.arrayContaining([entry]) });
    const exited = await running.prints((line) => line.includes("worker exited"));
    expect(JSON.parse(exited)).toMatchObject({ worker: "hub-1", workerPid: stopped, signal: "SIGKILL" });
    expect(await pidOf(running, "hub-1", 2)).not.toBe(stopped);
    await askOthers(running, "/stats", ({ workers }) => workers.silent.length === 0);
    const after = await metricsOf(running);
    for (const name of ["tidings_connects_total", "tidings_publish_seconds_count"]) {
      expect(after.get(name) ?? 0, name).toBeGreaterThanOrEqual(before.get(name) ?? 0);
    }
    for (const peer of reached.values()) peer.end();
    for (const peer of (await reachAll(running, 3)).values()) peer.end();
  });

  it.each(["SIGTERM", "SIGINT"] as const)("drains all workers at %s and exits after them", async (name) => {
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
  });

  it("kills all workers at a second signal", async () => {
    const running = await serveWorkers(2, "--shutdown-drain-ms", "60000");
    const stalled = [...(await reachAll(running, 2)).values()];
    for (const peer of stalled) peer.pause();
    const pids = await Promise.all([pidOf(running, "hub-1"), pidOf(running, "hub-2")]);
    running.signal("SIGTERM");
    await running.prints((line) => line.startsWith("closing: "));
    running.signal("SIGTERM");
    expect((await running.ended).code).toBe(128 + 15);
    await eventually("both workers have ended", () => !pids.some(isAlive));
    for (const peer of stalled) peer.end();
  });

  it("leaves no worker behind when the supervisor is killed", async () => {
    const running = await serveWorkers(2);
    const reached = await reachAll(running, 2);
    const pids = await Promise.all([pidOf(running, "hub-1"), pidOf(running, "hub-2")]);
    running.signal("SIGKILL");
    for (const peer of reached.values()) expect((await peer.closed).code).toBe(4000);
    await eventually("both workers have ended", () => !pids.some(isAlive));
  });

  it("starts one worker per core with `auto`", async () => {
    const env = { REDIS_URL: redis.url };
    server = await serve(["--workers", "auto", "--json"], env);
    expect(JSON.parse(server.line).workers).toBeGreaterThan(0);
  });
});

describe("tidings serve --workers refuses", () => {
  it("to start without Redis", async () => {
    const { code, stderr } = await tidings(["serve", "--workers", "2", "--port", "0"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: --workers: each worker is a node, and several nodes require Redis (set REDIS_URL)\n",
    });
  });

  it("an invalid number of workers", async () => {
    const { code, stderr } = await tidings(["serve", "--workers", "none"], { REDIS_URL: redis.url });
    expect(code).toBe(1);
    expect(stderr).toContain("Expected a whole number from 1 to 256, or auto.");
  });

  it("a port on which the workers of another server listen", async () => {
    const { url } = await serveWorkers(1);
    const { port } = new URL(url);
    const args = ["serve", "--workers", "1", "--port", port];
    const { code, stderr } = await tidings(args, { REDIS_URL: redis.url, LOG_LEVEL: "silent" });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`cannot listen on 127.0.0.1:${port}: another program listens there`),
    });
  });

  it("to continue when the first worker fails to start", async () => {
    const args = ["serve", "--workers", "2", "--port", "0", "--host", "0.0.0.0"];
    const { code, stderr } = await tidings(args, { REDIS_URL: redis.url, LOG_LEVEL: "silent" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: refusing to listen on 0\.0\.0\.0 without authentication/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("to run a worker without a supervisor", async () => {
    const { code, stderr } = await tidings(["worker"]);
    expect(code).toBe(1);
    expect(stderr).toContain("tidings serve --workers starts the workers");
  });
});
