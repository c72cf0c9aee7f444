import { describe, expect, it, onTestFinished } from "vitest";
import { Inbound, InboundBytes, Router, Sending } from "../../../src/actions/actions.ts";
import { memoryBackplane, Questions } from "../../../src/backplane/backplane.ts";
import { type ApiPorts, createApi, createMetrics, sharedProbe } from "../../../src/gateway/gateway.ts";
import { Local } from "../../../src/local/local.ts";
import {
  Acks,
  Deliverer,
  HistoryReads,
  Hooks,
  Publisher,
  SenderBudgets,
} from "../../../src/publish/publish.ts";

/** Ports of an API without connections, whose backplane is not started. */
function portsOf(changes: Partial<ApiPorts> = {}): ApiPorts {
  const backplane = memoryBackplane({ history: { count: 10, ageMs: 1_000, totalBytes: 1_000 } });
  const outbox = { messages: 1, bytes: 1, socketBytes: 1, policy: "drop", waitMs: 1 } as const;
  const times = { intervalMs: 1_000, timeoutMs: 1_000, writeTimeoutMs: 1_000 };
  const local = new Local({
    shardCount: 1,
    shardsPerTurn: 1,
    outbox,
    heartbeat: { ...times, ping: true, shardsPerStep: 1 },
    compression: { level: 1, threshold: 1 },
  });
  const probe = sharedProbe(backplane);
  const inboundBytes = () => ({ held: 0, cut: 0 });
  const http = { sockets: { size: 0, cut: 0 }, pipelines: { cut: 0 } };
  const { health } = backplane;
  const sources = {
    local,
    maxConnections: 10,
    pendingLogins: () => 0,
    waiting: () => 0,
    inboundBytes,
    http,
    probe,
    health,
  };
  const metrics = createMetrics(sources);
  onTestFinished(() => {
    metrics.stop();
    local.stop();
  });
  const reads = new HistoryReads(backplane.broker);
  const publisher = new Publisher({
    backplane,
    reads,
    deliverer: new Deliverer(local, metrics),
    acks: new Acks(backplane.cursors),
    senders: new SenderBudgets(0),
    ackTimeoutMs: 1,
    delivered: () => undefined,
    meter: metrics,
  });
  const sending = new Sending({ publisher, hooks: new Hooks(1), policy: { assert: async () => undefined } });
  const inbound = new Inbound({
    ...{ router: new Router(1), sending, maxWaiting: 1, bytes: new InboundBytes(1) },
    limits: {
      message: () => undefined,
      ping: () => undefined,
      action: () => undefined,
      isAbuse: () => false,
      assertTurn: () => undefined,
      pauseMs: () => 0,
      keepPlace: () => undefined,
    },
    report: () => undefined,
    meter: metrics.requests,
  });
  return {
    questions: new Questions(backplane.cluster),
    ...{ reads, publisher, backplane, probe, local, inbound, metrics, development: true },
    authenticator: { mode: "development", authenticate: async () => ({ user: "bob" }) },
    why: { explain: async () => ({ findings: [], nodes: [] }) },
    ...{ node: "n1", isDraining: () => false, limits: { maxMessageBytes: 100 }, startedAt: 0, path: "/ws" },
    ...changes,
  };
}

const HERE = { address: "127.0.0.1" };

describe("createApi", () => {
  it("documents every route that it has", async () => {
    const api = createApi(portsOf());
    const { paths } = JSON.parse(await (await api.request("/openapi.json")).text());
    const routes = api.routes.filter(({ method }) => method !== "ALL"); // middleware
    const registered = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const documented = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(registered.sort());
  });

  it("is ready while a part is degraded, and tells of it at /ready and /metrics", async () => {
    const ports = portsOf({ probe: async () => undefined });
    const api = createApi(ports);
    const { health } = ports.backplane;
    health.degrade("lost data", "Redis lost the data of 3 partitions");
    const ready = await api.request("/ready");
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ ready: true, reasons: [], degraded: health.degraded });
    const metrics = await (await api.request("/metrics", {}, HERE)).text();
    expect(metrics).toContain('\ntidings_degraded{what="lost data"} 1\n');
    expect(metrics).toContain('\ntidings_degraded{what="clock"} 0\n');
  });

  it("has the routes below the WebSocket path at the root when that path is /", async () => {
    const api = createApi(portsOf({ path: "/" }));
    expect((await api.request("/health")).status).toBe(200);
    expect((await api.request("/")).status).toBe(426);
    const body = JSON.stringify({ type: "chat" });
    expect((await api.request("/broadcast", { method: "POST", body }, HERE)).status).toBe(503);
  });

  it("hides an unexpected error from callers and reports it to the operator", async () => {
    const reports: unknown[] = [];
    const failure = new Error("the password is 1234");
    const api = createApi(
      portsOf({
        authenticator: {
          mode: "token",
          authenticate: async () => ({ user: "bob" }),
          mint: () => Promise.reject(failure),
        },
        report: (stage, error) => reports.push([stage, error]),
      }),
    );
    const response = await api.request("/tokens", { method: "POST", body: '{"user":"bob"}' }, HERE);
    expect(response.status).toBe(500);
    const message = "the server failed to handle this";
    const requestId = response.headers.get("x-request-id");
    expect(await response.json()).toEqual({ error: { code: "internal", message, requestId } });
    expect(reports).toEqual([["POST /tokens", failure]]);
  });
});
