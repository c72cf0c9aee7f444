import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { Plan, Target } from "../../src/loadtest/plan.ts";
import type { ScenarioResult } from "../../src/loadtest/result.ts";
import type { Progress } from "../../src/loadtest/run/course.ts";
import { Probe } from "../../src/loadtest/run/probe.ts";
import { type RunOptions, runScenario } from "../../src/loadtest/run/run-scenario.ts";
import type { WorkerPort } from "../../src/loadtest/run/workers.ts";
import { parseTarget } from "../../src/loadtest/target.ts";
import { LoadWorker, type TokensOf } from "../../src/loadtest/worker/load-worker.ts";
import { freePort } from "../support/free-port.ts";
import { startHub } from "../support/hub.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { planFor } from "./plans.ts";

/** Clients log in by their names. */
const byName: TokensOf = () => () => Promise.resolve(undefined);

/** A process of the load tester inside this one; arguments and answers are JSON, as between processes. */
function startHere(tokensOf: TokensOf): Promise<WorkerPort> {
  const calls = new LoadWorker(tokensOf).calls();
  const call = async (name: keyof typeof calls, argument: never): Promise<unknown> =>
    JSON.parse(JSON.stringify(await calls[name](JSON.parse(JSON.stringify(argument)) as never)));
  return Promise.resolve({ call, close: () => Promise.resolve() } as unknown as WorkerPort);
}

const run = (plan: Plan, more: Partial<RunOptions> = {}): Promise<ScenarioResult> =>
  runScenario({
    plan,
    credentials: { type: "development" },
    metrics: plan.targets.flatMap(({ http }) => (http === undefined ? [] : [`${http}/metrics`])),
    tokensOf: byName,
    start: () => startHere(more.tokensOf ?? byName),
    signal: new AbortController().signal,
    onProgress: () => {},
    everyMs: 50,
    settleMs: 500,
    ...more,
  });

async function startTarget(): Promise<Target> {
  const { at } = await startHub(UNLIMITED);
  return (await parseTarget(at.url, "/ws")).target;
}

const CLEAN = { duplicates: 0, reordered: 0, strays: 0, refused: 0, unsent: 0, unrecovered: 0, failed: 0 };

describe("a load test of a hub", () => {
  it.each([
    { scenario: "fanout" as const, each: 10 },
    { scenario: "direct" as const, each: 1 },
    { scenario: "chat" as const, each: 5 },
    { scenario: "chat" as const, each: 5, ephemeral: true },
    { scenario: "direct" as const, each: 1, via: "http" as const },
  ])(
    "counts and times every message of $scenario, ephemeral $ephemeral, via $via",
    async ({ each, ...part }) => {
      const plan = planFor({ ...part, targets: [await startTarget()], workers: 2 });
      const result = await run(plan);
      expect(result).toMatchObject({ faults: [], lost: 0, interrupted: false });
      expect(result.connections).toMatchObject({ wanted: 10, opened: 10, refusals: {}, ends: {} });
      expect(result.totals).toMatchObject({ ...CLEAN, sent: 60, accepted: 60, received: 60 * each });
      expect(result.expected).toBe(60 * each);
      expect(result.timings.latency).toMatchObject({ count: 60 * each });
      expect(result.timings.receipt.count).toBe(60);
      expect(result.timings.connect.count).toBe(10);
      const { p50, p99, p999, max } = result.timings.latency;
      expect([p50, p99, p999, max]).toEqual([p50, p99, p999, max].toSorted((one, other) => one - other));
      expect(result.series.reduce((sum, point) => sum + point.received, 0)).toBe(60 * each);
    },
  );

  it.each(["direct", "idle"] as const)(
    "measures how long a request and an API call wait meanwhile, in %s",
    async (scenario) => {
      const plan = planFor({
        scenario,
        durationMs: 400,
        warmupMs: 100,
        probe: 50,
        targets: [await startTarget()],
      });
      const { waits, faults, connections } = await run(plan);
      expect(faults).toEqual([]);
      expect(waits).toMatchObject({ request: { count: 15 }, call: { count: 15 }, errors: {} });
      expect(waits?.request.max).toBeGreaterThan(0);
      expect(connections).toMatchObject({ opened: 10, ends: {} });
    },
  );

  it("fails when calls of the probe do, and makes none without a key where one is needed", async () => {
    const { hub, at } = await startHub({ ...UNLIMITED, jwt: { secret: "s".repeat(32) } });
    const { target } = await parseTarget(at.url, "/ws");
    const plan = planFor({ scenario: "idle", durationMs: 200, probe: 50, targets: [target] });
    const login = {
      credentials: { type: "secret", secret: "s".repeat(32) },
      tokensOf: () => (user: string) => hub.token({ user }),
    } as const;
    const { waits, faults } = await run(plan, { ...login, apiKey: "no key of this server" });
    expect(waits).toMatchObject({ request: { count: 10 }, call: { count: 0 } });
    expect(faults).toEqual([
      expect.stringContaining("10 requests and calls of the probe failed (call: HTTP 401"),
    ]);
    expect(await run(plan, login)).toMatchObject({
      faults: [],
      waits: { request: { count: 10 }, errors: {} },
    });
  });

  it("asks as the user of a token, and gives up a probe that is never in its place", async () => {
    const { hub, at } = await startHub({ ...UNLIMITED, jwt: { secret: "s".repeat(32) } });
    const { target } = await parseTarget(at.url, "/ws");
    const plan = planFor({
      scenario: "idle",
      durationMs: 200,
      probe: 50,
      targets: [target],
    });
    const token = await hub.token({ user: "alice" });
    const tokensOf = () => () => Promise.resolve(token);
    const login = { credentials: { type: "tokens", tokens: [token], users: ["alice"] }, tokensOf } as const;
    expect(await run(plan, login)).toMatchObject({ faults: [], waits: { request: { count: 10 } } });
    // The position of another user's channel never comes.
    const other = await Probe.open({
      plan: { ...plan, connectTimeoutMs: 1_000 },
      credentials: { type: "secret", secret: "" },
      tokensOf,
      now: () => 0,
    });
    const waits = await other?.end(0, true);
    expect(waits?.errors).toEqual({ "connection: not there within 1 s": 1 });
  });

  it("reads the server's metrics before, during and after", async () => {
    const { servers } = await run(
      planFor({ scenario: "idle", durationMs: 200, targets: [await startTarget()] }),
    );
    const [server] = servers;
    expect(server?.problem).toBeUndefined();
    expect(server?.before).toMatchObject({ connections: 0 });
    expect(server?.after).toMatchObject({ connections: 10 });
    expect(server?.most.rssBytes).toBeGreaterThan(1_000_000);
    expect(server?.samples.length).toBeGreaterThan(3);
  });

  it("cuts all clients in a storm, and they come back without loss", async () => {
    const plan = planFor({ scenario: "storm", durationMs: 600, targets: [await startTarget()], workers: 2 });
    const { totals, faults, timings } = await run(plan);
    expect(faults).toEqual([]);
    expect(totals).toMatchObject({ ...CLEAN, reconnects: 10, sent: 120, received: 120 });
    expect(timings.reconnect.count).toBe(10);
  });

  it("cuts clients one after the other in a soak", async () => {
    const plan = planFor({ scenario: "soak", durationMs: 600, churn: 10, targets: [await startTarget()] });
    const { totals, faults } = await run(plan);
    expect(faults).toEqual([]);
    expect(totals.reconnects).toBe(6);
    expect(totals.received).toBeGreaterThan(0);
  });

  it("finds out that the URLs of cross-node lead to one node", async () => {
    const target = await startTarget();
    const { faults } = await run(planFor({ scenario: "cross-node", targets: [target, target] }));
    expect(faults).toEqual([expect.stringContaining("one node")]);
  });

  it("counts refusals by reason, and names the setting", async () => {
    const { at } = await startHub({
      ...UNLIMITED,
      limits: { ...UNLIMITED.limits, messagesPerConnection: "2-M" },
      websocket: { maxConnections: 4 },
    });
    const { target } = await parseTarget(at.url, "/ws");
    const result = await run(
      planFor({ scenario: "direct", targets: [target], connectTimeoutMs: 3_000, durationMs: 200 }),
    );
    expect(result.connections.opened).toBe(4);
    expect(result.lost).toBe(0);
    expect(result.totals.refused).toBe(result.totals.sent - result.totals.accepted);
    expect(result.faults.join()).toMatch(/messages refused \(rate_limited.*6 connections did not open/);
    expect(result.hints.join()).toMatch(/websocket\.maxConnections.*limits\.messagesPerConnection/s);
  });

  it("connects from many addresses, each of which the server limits by itself", async () => {
    const limits = { ...UNLIMITED.limits, whitelistCIDRs: [], connectsPerAddress: "4-M" };
    const { at } = await startHub({ ...UNLIMITED, limits });
    const { target } = await parseTarget(at.url, "/ws");
    const plan = planFor({ scenario: "connect", targets: [target], connectTimeoutMs: 3_000 });
    const sources = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    expect(await run({ ...plan, sources })).toMatchObject({ faults: [], connections: { opened: 10 } });
    const { connections, hints } = await run({ ...plan, sources: ["127.0.0.5"] });
    expect(connections.opened).toBe(4);
    expect(Object.keys(connections.refusals).join()).toContain("HTTP 429");
    expect(hints.join()).toContain("LIMITS_CONNECTS_PER_ADDRESS");
  });

  it("ends early when it is told, with the figures until then", async () => {
    const abort = new AbortController();
    const plan = planFor({ scenario: "direct", durationMs: 60_000, targets: [await startTarget()] });
    const onProgress = ({ receivedRate }: Progress): void => {
      if (receivedRate > 0) abort.abort();
    };
    const result = await run(plan, { signal: abort.signal, onProgress });
    expect(result).toMatchObject({ interrupted: true, faults: [], lost: 0 });
    expect(result.totals.received).toBe(result.totals.sent);
  });
});

/** A server of others: it hands every message to a function that sends what it likes. */
async function startRaw(answer: (socket: WebSocket, text: string, count: number) => void): Promise<Target> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await once(server, "listening");
  server.on("connection", (socket) => {
    let count = 0;
    socket.on("message", (data) => answer(socket, String(data), count++));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return (await parseTarget(`ws://127.0.0.1:${address.port}/any?x=1`, undefined)).target;
}

describe("a load test of any WebSocket server", () => {
  const echo = (target: Target): Promise<ScenarioResult> =>
    run(planFor({ scenario: "echo", targets: [target], connections: 5, template: '{"say":"{marker}"}' }));

  it("times the echo, of text and of binary data", async () => {
    const target = await startRaw((socket, text, count) => socket.send(text, { binary: count % 2 === 1 }));
    const { totals, faults, timings } = await echo(target);
    expect(faults).toEqual([]);
    expect(totals).toMatchObject({ sent: 60, received: 60 });
    expect(timings.latency.count).toBe(60);
  });

  it("finds what a server drops", async () => {
    const { lost, faults, totals } = await echo(
      await startRaw((socket, text, count) => count % 4 !== 3 && socket.send(text)),
    );
    expect(lost).toBe(15);
    expect(totals.received).toBe(45);
    expect(faults).toEqual(["15 messages lost"]);
  });

  it("finds what a server sends twice", async () => {
    const target = await startRaw((socket, text, count) => {
      socket.send(text);
      if (count === 2) socket.send(text);
    });
    expect((await echo(target)).faults).toEqual(["5 duplicates"]);
  });

  it("finds what a server sends out of order", async () => {
    const held = new Map<WebSocket, string>();
    const target = await startRaw((socket, text, count) => {
      if (count === 4) return void held.set(socket, text);
      socket.send(text);
      if (count === 5) socket.send(held.get(socket) ?? "");
    });
    const { faults, lost } = await echo(target);
    expect(faults).toEqual(["5 messages out of order"]);
    expect(lost).toBe(0);
  });

  it("finds what a server sends to the wrong client, and counts a broadcast at each", async () => {
    const sockets = new Set<WebSocket>();
    const target = await startRaw((socket, text) => {
      sockets.add(socket);
      for (const each of sockets) each.send(text);
    });
    expect((await echo(target)).totals.strays).toBeGreaterThan(0);
    const { faults, expected, lost } = await run(
      planFor({ scenario: "broadcast", targets: [target], connections: 5, template: "{marker}" }),
    );
    // The others have said nothing yet, so the server does not know them.
    expect(lost).toBe(expected - 60);
    expect(faults).toEqual([`${lost} messages lost`]);
  });

  it("waits for no answer before it sends, so that a server's pause shows in full", async () => {
    const waiting: (() => void)[] = [];
    let state: "ready" | "paused" | "over" = "ready";
    const release = (): void => {
      state = "over";
      for (const send of waiting.splice(0)) send();
    };
    const target = await startRaw((socket, text) => {
      if (state === "over") return socket.send(text);
      if (state === "ready") setTimeout(release, 300); // as long as messages are planned
      state = "paused";
      waiting.push(() => socket.send(text));
    });
    const { timings, faults, totals } = await echo(target);
    expect(faults).toEqual([]);
    expect(totals.sent).toBe(60);
    // Messages are planned evenly over the pause, so half of them wait for half of it: a tester that waits would see one slow message.
    expect(timings.latency.p50).toBeGreaterThan(100);
  });

  it("says why nothing connects", async () => {
    const port = await freePort();
    await once(connect(port, "127.0.0.1"), "error");
    const { target } = await parseTarget(`ws://127.0.0.1:${port}`, undefined);
    const result = await run(
      planFor({ scenario: "connect", connections: 2, connectTimeoutMs: 300, targets: [target] }),
    );
    expect(result.faults).toEqual([expect.stringMatching(/2 connections did not open \(ECONNREFUSED/)]);
    expect(result.hints.join()).toContain("nothing listens there");
  });
});
