import { describe, expect, it, onTestFinished } from "vitest";
import { createHealth } from "../../../src/backplane/backplane.ts";
import { createMetrics, type Metrics } from "../../../src/gateway/metrics/metrics.ts";
import { Distribution, TidingsError } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, Peer } from "../../support/peer.ts";
import { UNLIMITED } from "../../support/unlimited.ts";
import { call } from "../http/call.ts";

/** Series of a scrape, by name and labels as in the text. */
function seriesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name = "", value = ""] = /^([a-z_0-9]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}

function metricsOf(sources: Partial<Parameters<typeof createMetrics>[0]> = {}): Metrics {
  const metrics = createMetrics({
    local: {
      size: 3,
      users: 2,
      pending: () => ({ messages: 4, bytes: 500 }),
      slow: { dropped: 8, waited: 9, closed: 10, cut: 11 },
    },
    maxConnections: 10,
    pendingLogins: () => 6,
    waiting: () => 7,
    inboundBytes: () => ({ held: 11, cut: 12 }),
    http: { sockets: { size: 13, cut: 14 }, pipelines: { cut: 15 } },
    probe: async () => undefined,
    health: createHealth(),
    ...sources,
  });
  onTestFinished(() => metrics.stop());
  return metrics;
}

describe("metrics", () => {
  it("count what happens in a hub", async () => {
    const running = await startHub();
    const [alice, bob] = await Promise.all(
      ["alice", "bob"].map((user) => connectPeer(running.url({ user_id: user }))),
    );
    await running.hub.broadcast({ type: "news" });
    await running.hub.user("bob").send({ type: "chat", ephemeral: true });
    await running.hub.user("bob").kick();
    await bob?.closed;
    await alice?.close();
    // A disconnect is counted after the close frame has been answered.
    let series = new Map<string, number>();
    await eventually("the disconnect is counted", async () => {
      const { headers, text } = await call(running, "/metrics");
      expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      series = seriesOf(text);
      return series.get('tidings_disconnects_total{cause="client_left"}') === 1;
    });
    expect(Object.fromEntries(series)).toMatchObject({
      tidings_connections: 0,
      tidings_connects_total: 2,
      'tidings_published_total{kind="stored"}': 1,
      'tidings_published_total{kind="ephemeral"}': 1,
      tidings_delivered_total: 3,
      tidings_dropped_total: 0,
      tidings_waited_total: 0,
      tidings_overflows_total: 0,
      tidings_pending_cut_total: 0,
      tidings_inbound_cut_total: 0,
      tidings_http_cut_total: 0,
      'tidings_disconnects_total{cause="kicked"}': 1,
      'tidings_disconnects_total{cause="client_left"}': 1,
      'tidings_disconnects_total{cause="slow"}': 0,
      tidings_delivery_seconds_count: 2,
      'tidings_publish_seconds_count{kind="stored"}': 1,
      tidings_backplane_up: 1,
    });
  });

  it("tell how requests, logins and calls of the HTTP API end", async () => {
    const apiKey = "a key of the metrics test";
    const running = await startHub({ apiKey, jwt: { secret: SECRET } });
    const { hub, url } = running;
    hub.action("order.fail", () => Promise.reject(new Error("out of paper")));
    const peer = await connectPeer(url({ token: await hub.token({ user: "alice" }) }));
    expect(await peer.request("order.fail")).toMatchObject({ error: { code: "internal" } });
    await peer.request("robot.ping");
    await new Peer(url({ token: "none" })).closed;
    const headers = { "x-api-key": apiKey };
    await call(running, "/users/alice/groups", { headers });
    await call(running, "/users/alice/groups");
    await call(running, "/nodes", { method: "DELETE", headers });

    const series = seriesOf((await call(running, "/metrics", { headers })).text);
    expect(Object.fromEntries(series)).toMatchObject({
      'tidings_logins_total{outcome="ok"}': 1,
      'tidings_logins_total{outcome="unauthorized"}': 1,
      'tidings_logins_total{outcome="timeout"}': 0,
      tidings_login_seconds_count: 2,
      'tidings_request_seconds_count{action="order.fail"}': 1,
      'tidings_request_seconds_count{action="robot.ping"}': 1,
      'tidings_request_errors_total{code="internal"}': 1,
      'tidings_request_errors_total{code="forbidden"}': 0,
      tidings_errors_total: 1,
      'tidings_http_requests_total{route="/users/:user/groups",status="200"}': 1,
      'tidings_http_requests_total{route="/users/:user/groups",status="401"}': 1,
      'tidings_http_requests_total{route="/nodes",status="405"}': 1,
      'tidings_http_request_seconds_count{route="/users/:user/groups"}': 2,
    });
    expect([...series.keys()].filter((name) => /^tidings_build_info{version="\d/.test(name))).toHaveLength(1);
  });

  it("get no series from what clients choose", async () => {
    const running = await startHub(UNLIMITED);
    const { hub, url } = running;
    hub.action("order.ship", () => "done");
    const names = async () => {
      const series = seriesOf((await call(running, "/metrics")).text);
      // Those of the process are not about clients, and pauses of the garbage collector come when they come.
      return [...series.keys()].filter((name) => !/^(nodejs|process)_/.test(name)).sort();
    };
    const attack = async (round: string): Promise<void> => {
      const own = `${round}-"}\n\\{`;
      const peer = await connectPeer(
        url({ user_id: `user ${round}`, platform: `p-${round}`, device: `d-${round}` }),
      );
      await peer.request("order.ship");
      await peer.request(`order.${own}`);
      await peer.request(`__proto__.${round}`);
      await peer.request("group.join", { group: own });
      peer.send({ id: 1, type: `type ${own}`, group: own.replace("\n", ""), data: round, ephemeral: true });
      await peer.next((frame) => frame.id === 1);
      for (const path of [
        `/${round}`,
        `/users/${round}/groups`,
        `/groups/${round}/members`,
        `/ws/${round}?a=${round}`,
      ])
        await call(running, path, { headers: { "x-client-id": round, origin: `http://${round}.example` } });
      await Peer.refusal(`${url().replace("/ws", `/${round}`)}`);
      await peer.close();
    };
    await attack("first");
    await eventually("the end is counted", () =>
      hub.presence.count().then(({ connections }) => connections === 0),
    );
    await names();
    const before = await names();
    for (let round = 0; round < 20; round++) await attack(`round-${round}`);
    expect(await names()).toEqual(before);
    expect(before.filter((name) => /first|round|__proto/.test(name))).toEqual([]);
  });

  it("read their sources at every scrape", async () => {
    let up = true;
    const probe = () => (up ? Promise.resolve() : Promise.reject(new TidingsError("unavailable", "away")));
    const metrics = metricsOf({ probe });
    expect(Object.fromEntries(seriesOf(await metrics.render()))).toMatchObject({
      tidings_connections: 3,
      connections: 3,
      pending: 4,
      tidings_users: 2,
      tidings_max_connections: 10,
      tidings_pending_messages: 4,
      tidings_pending_bytes: 500,
      tidings_pending_logins: 6,
      tidings_inbound_waiting: 7,
      tidings_inbound_bytes: 11,
      tidings_http_sockets: 13,
      tidings_backplane_up: 1,
    });
    up = false;
    expect(seriesOf(await metrics.render()).get("tidings_backplane_up")).toBe(0);
  });

  it("sort durations into cumulative buckets", async () => {
    const metrics = metricsOf();
    for (const seconds of [0.00002, 0.0001, 0.003, 7]) metrics.published("stored", seconds);
    const series = seriesOf(await metrics.render());
    const bucket = (le: string) => series.get(`tidings_publish_seconds_bucket{kind="stored",le="${le}"}`);
    expect(["0.000025", "0.00005", "0.0001", "0.0025", "0.005", "1", "+Inf"].map(bucket)).toEqual([
      1, 1, 2, 2, 3, 3, 4,
    ]);
    expect(series.get('tidings_publish_seconds_sum{kind="stored"}')).toBeCloseTo(7.00312);
    expect(series.get('tidings_publish_seconds_count{kind="ephemeral"}')).toBe(0);
  });

  it("count failures by code, and do not count them as published", async () => {
    const metrics = metricsOf();
    metrics.failed(new TidingsError("unavailable", "away"));
    const series = seriesOf(await metrics.render());
    expect(series.get('tidings_publish_errors_total{code="unavailable"}')).toBe(1);
    expect(series.get('tidings_published_total{kind="stored"}')).toBe(0);
    expect(metrics.totals).toMatchObject({ publishErrors: 1, published: { stored: 0, ephemeral: 0 } });
  });

  it("count a delivery from a clock that is ahead as 0 s, and ignore one without receivers", async () => {
    const metrics = metricsOf();
    metrics.delivered(2, -40, "all");
    metrics.delivered(0, 40, "all");
    const series = seriesOf(await metrics.render());
    expect(series.get('tidings_delivery_seconds_bucket{le="0.001"}')).toBe(1);
    expect(series.get("tidings_delivery_seconds_count")).toBe(1);
    expect(series.get("tidings_delivered_total")).toBe(2);
  });

  it("belong to one hub; metrics of the process are shared", async () => {
    const [one, other] = [metricsOf(), metricsOf()];
    one.connected();
    const texts = [await one.render(), await other.render()];
    const counts = texts.map((text) => seriesOf(text).get("tidings_connects_total"));
    expect(counts).toEqual([1, 0]);
    for (const text of texts) {
      expect(text).toContain("\nprocess_resident_memory_bytes ");
      expect(text).toContain("\nnodejs_heap_size_used_bytes ");
    }
  });

  it("show a blocked event loop", async () => {
    const metrics = metricsOf();
    await eventually("the delay is measured", () => {
      if (metrics.loopDelay.max > 50) return true;
      const until = performance.now() + 100;
      while (performance.now() < until);
      return false;
    });
    const series = seriesOf(await metrics.render());
    expect(series.get('tidings_event_loop_delay_seconds{quantile="1"}')).toBeGreaterThan(0.05);
  });

  it("show the traffic between nodes, with every kind from the start", async () => {
    const traffic = {
      messages: { in: { ephemeral: 0, stored: 0 }, out: { ephemeral: 0, stored: 0 } },
      bytes: { in: 0, out: 0 },
      dropped: 0,
      mended: { partitions: 0, connections: 0, members: 0, routes: 0, histories: 0, watches: 0 },
      scripts: { append: 0 },
      calls: { script: new Distribution([0.001, 0.01]), publish: new Distribution([0.001, 0.01]) },
    };
    const metrics = metricsOf({ traffic });
    const before = seriesOf(await metrics.render());
    expect(before.get('tidings_backplane_messages_total{direction="in",kind="stored"}')).toBe(0);
    traffic.messages.out.stored += 3;
    traffic.messages.in.ephemeral += 2;
    traffic.bytes.out += 700;
    traffic.dropped++;
    traffic.scripts.append += 4;
    traffic.mended.members += 5;
    traffic.calls.script.observe(0.002);
    expect(Object.fromEntries(seriesOf(await metrics.render()))).toMatchObject({
      'tidings_backplane_messages_total{direction="out",kind="stored"}': 3,
      'tidings_backplane_messages_total{direction="in",kind="ephemeral"}': 2,
      'tidings_backplane_bytes_total{direction="out"}': 700,
      'tidings_backplane_mended_total{what="members"}': 5,
      'tidings_backplane_mended_total{what="partitions"}': 0,
      'tidings_backplane_bytes_total{direction="in"}': 0,
      tidings_backplane_dropped_total: 1,
      'tidings_backplane_scripts_total{script="append"}': 4,
      'tidings_backplane_call_seconds_bucket{call="script",le="0.001"}': 0,
      'tidings_backplane_call_seconds_bucket{call="script",le="0.01"}': 1,
      'tidings_backplane_call_seconds_count{call="publish"}': 0,
    });
  });

  it("have no traffic on a single node", async () => {
    expect(await metricsOf().render()).not.toContain("tidings_backplane_messages_total");
  });

  it("appear once each, as Prometheus requires", async () => {
    const text = await metricsOf().render();
    const typed = text.match(/(?<=^# TYPE )\S+/gm) ?? [];
    expect(new Set(typed).size).toBe(typed.length);
    const named = [...seriesOf(text).keys()].map((series) => series.replace(/\{.*/, ""));
    for (const name of named) expect(typed).toContain(name.replace(/_(bucket|sum|count)$/, ""));
  });
});
