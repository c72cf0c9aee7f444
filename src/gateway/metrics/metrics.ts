import type { Health, Traffic } from "../../backplane/backplane.ts";
import type { Local } from "../../local/local.ts";
import type { MessageLogCounts } from "../../log/log.ts";
import {
  type Channel,
  CLOSE,
  type CloseCause,
  type DisconnectClass,
  Distribution,
  ERROR_CODES,
  type ErrorCode,
  type TidingsError,
} from "../../protocol/protocol.ts";
import type { DeliverMeter, PublishMeter } from "../../publish/publish.ts";
import type { Probe } from "../probe.ts";
import type { BusiestGroups } from "./busiest.ts";
import { type LoopDelay, LoopDelayMonitor } from "./delay.ts";
import { type GrpcCounts, registerGrpc } from "./grpc.ts";
import { type Histogram, histogramJson, histogramText } from "./histogram.ts";
import { HttpMetrics } from "./http.ts";
import { LiveMetrics, type RecentMetrics } from "./live.ts";
import { count, countsOf, LoginMetrics, RequestMetrics } from "./outcomes.ts";
import { type DecisionCounts, registerGuards, registerHealth, registerMessageLog } from "./parts.ts";
import { registerProcess } from "./process.ts";
import { type JsonMetric, jsonOf, processRegistry, ScrapedMetrics } from "./registry.ts";
import { callsHistogram, registerTraffic } from "./traffic.ts";

/** Sources that are read at every scrape. */
export interface MetricsSources {
  readonly local: Pick<Local, "size" | "users" | "pending" | "slow">;
  /** Connections that the node admits. */
  readonly maxConnections: number;
  /** Handshakes and logins in flight. */
  readonly pendingLogins: () => number;
  /** Requests and messages of clients in flight. */
  readonly waiting: () => number;
  /** Requests and messages of clients since the start. @default none */
  readonly received?: () => number;
  /** Bytes that were received and not handled, and connections that were ended because of them. */
  readonly inboundBytes: () => { readonly held: number; readonly cut: number };
  /** Sockets of plain HTTP. */
  readonly http: {
    readonly sockets: { readonly size: number; readonly cut: number };
    readonly pipelines: { readonly cut: number };
  };
  readonly probe: Probe;
  readonly health: Pick<Health, "abilities" | "degraded" | "connectionsLost">;
  /** Decisions of limits, and what an overloaded node has refused. @default none */
  readonly guards?: DecisionCounts;
  /** The message log. @default none, and no such metrics */
  readonly messageLog?: { readonly counts: MessageLogCounts } | undefined;
  /** The gRPC server. @default none, and no such metrics */
  readonly grpc?: GrpcCounts | undefined;
  /** Traffic between nodes; undefined on a single node. */
  readonly traffic?: Traffic | undefined;
}

/** Totals since the start of this node. */
export interface Totals {
  readonly published: { readonly stored: number; readonly ephemeral: number };
  readonly publishErrors: number;
  /** Messages handed to connections: one message to a group of ten counts ten. */
  readonly delivered: number;
  /** Messages that full send queues dropped. */
  readonly dropped: number;
}

/** Metrics of one hub, and their form for Prometheus. */
export interface Metrics extends PublishMeter, DeliverMeter {
  connected(): void;
  disconnected(cause: DisconnectClass): void;
  /** Counts a client that got no connection. */
  refused(code: ErrorCode | CloseCause): void;
  /** Counts a failure that no caller waits for. */
  reported(): void;
  readonly http: Pick<HttpMetrics, "answered">;
  readonly logins: Pick<LoginMetrics, "ended">;
  readonly requests: Pick<RequestMetrics, "handled" | "refused">;
  readonly totals: Totals;
  /** Connections that ended, by cause. */
  readonly disconnects: Readonly<Partial<Record<DisconnectClass, number>>>;
  /** Refusals by the limits of clients, by limit. */
  readonly denied: Readonly<Record<string, number>>;
  /** Delay of the event loop since the last scrape. */
  readonly loopDelay: LoopDelay;
  /** Activity of the last seconds. */
  readonly recent: RecentMetrics;
  readonly busiest: Pick<BusiestGroups, "top" | "countsAll">;
  /** Calls a function once a second, until the end of the metrics. */
  everySecond(listener: () => void): void;
  /** Renders a scrape in the text format of Prometheus, of type {@link contentType}. */
  render(): Promise<string>;
  readonly contentType: string;
  /** The metrics of a scrape as data, to be combined with those of other processes. */
  json(): Promise<readonly JsonMetric[]>;
  stop(): void;
}

export const createMetrics = (sources: MetricsSources): Metrics => new HubMetrics(sources);

/** Bounds in seconds. A publish in memory takes some microseconds, through Redis about a millisecond. */
const PUBLISH_BOUNDS = [
  0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];
/** Bounds in seconds. Delivery is measured by the clocks of two nodes, which count milliseconds. */
const DELIVERY_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** Metrics in plain fields, for the hot path; `prom-client` reads them at a scrape. */
class HubMetrics implements Metrics {
  readonly #scraped = new ScrapedMetrics();
  readonly #monitor = new LoopDelayMonitor();
  readonly #stored = new Distribution(PUBLISH_BOUNDS);
  readonly #ephemeral = new Distribution(PUBLISH_BOUNDS);
  readonly #delivery = new Distribution(DELIVERY_BOUNDS);
  readonly #errors = countsOf(Object.keys(ERROR_CODES));
  readonly #disconnects = countsOf([...Object.keys(CLOSE), "client_left", "lost"]);
  readonly #refusals = countsOf([...Object.keys(ERROR_CODES), ...Object.keys(CLOSE)]);
  #connects = 0;
  #delivered = 0;
  #reported = 0;
  readonly http = new HttpMetrics(this.#scraped);
  readonly logins = new LoginMetrics(this.#scraped);
  readonly requests = new RequestMetrics(this.#scraped);
  readonly #local: MetricsSources["local"];
  readonly #traffic: Traffic | undefined;
  readonly #guards: DecisionCounts | undefined;
  readonly #grpc: GrpcCounts | undefined;
  readonly #live: LiveMetrics;
  readonly busiest: BusiestGroups;

  constructor(sources: MetricsSources) {
    this.#local = sources.local;
    this.#traffic = sources.traffic;
    this.#guards = sources.guards;
    this.#grpc = sources.grpc;
    this.#live = this.#makeLive(sources);
    this.busiest = this.#live.busiest;
    this.#registerGauges(sources);
    registerHealth(this.#scraped, sources.health);
    this.#registerCounters(sources);
    registerProcess(this.#scraped);
    if (sources.guards !== undefined) registerGuards(this.#scraped, sources.guards);
    if (sources.messageLog !== undefined) registerMessageLog(this.#scraped, sources.messageLog);
    if (sources.grpc !== undefined) registerGrpc(this.#scraped, sources.grpc);
    if (sources.traffic !== undefined) registerTraffic(this.#scraped, sources.traffic);
  }

  published(kind: "stored" | "ephemeral", seconds: number): void {
    if (kind === "stored") this.#stored.observe(seconds);
    else this.#ephemeral.observe(seconds);
  }

  failed({ code }: TidingsError): void {
    count(this.#errors, code);
  }

  delivered(connections: number, latencyMs: number, channel: Channel): void {
    this.#delivered += connections;
    if (connections === 0) return;
    // Negative when the clock of the publishing node is ahead of ours.
    this.#delivery.observe(Math.max(0, latencyMs) / 1_000);
    this.busiest.add(channel, connections);
  }

  connected(): void {
    this.#connects++;
  }

  disconnected(cause: DisconnectClass): void {
    count(this.#disconnects, cause);
  }

  refused(code: ErrorCode | CloseCause): void {
    count(this.#refusals, code);
  }

  reported(): void {
    this.#reported++;
  }

  get totals(): Totals {
    let publishErrors = 0;
    for (const errors of this.#errors.values()) publishErrors += errors;
    const published = { stored: this.#stored.count, ephemeral: this.#ephemeral.count };
    return { published, publishErrors, delivered: this.#delivered, dropped: this.#local.slow.dropped };
  }

  get disconnects(): Metrics["disconnects"] {
    return Object.fromEntries([...this.#disconnects].filter(([, ended]) => ended > 0));
  }

  get denied(): Metrics["denied"] {
    return Object.fromEntries(Object.entries(this.#guards?.denied ?? {}).filter(([, denied]) => denied > 0));
  }

  get recent(): RecentMetrics {
    return this.#live.recent;
  }

  get loopDelay(): LoopDelay {
    return this.#monitor.read();
  }

  get contentType(): string {
    return this.#scraped.registry.contentType;
  }

  async render(): Promise<string> {
    const texts = await Promise.all([this.#scraped.registry.metrics(), processRegistry().metrics()]);
    this.#monitor.reset();
    return `${[...texts, ...this.#histograms().map(histogramText)].join("\n")}\n`;
  }

  async json(): Promise<readonly JsonMetric[]> {
    const lists = await Promise.all([jsonOf(this.#scraped.registry), jsonOf(processRegistry())]);
    this.#monitor.reset();
    return [...lists.flat(), ...this.#histograms().map(histogramJson)];
  }

  stop(): void {
    this.#monitor.stop();
    this.#live.stop();
  }

  everySecond(listener: () => void): void {
    this.#live.everySecond(listener);
  }

  #makeLive({ local, received = () => 0 }: MetricsSources): LiveMetrics {
    const sum = (counts: ReadonlyMap<string, number>): number =>
      [...counts.values()].reduce((total, each) => total + each, 0);
    return new LiveMetrics({
      latencies: { stored: this.#stored, ephemeral: this.#ephemeral, delivery: this.#delivery },
      counters: () => ({
        received: received(),
        published: this.#stored.count + this.#ephemeral.count,
        delivered: this.#delivered,
        dropped: local.slow.dropped,
        connects: this.#connects,
        disconnects: sum(this.#disconnects),
      }),
    });
  }

  #histograms(): Histogram[] {
    return [
      {
        name: "tidings_publish_seconds",
        help: "Time to publish a message.",
        parts: [
          [{ kind: "stored" }, this.#stored],
          [{ kind: "ephemeral" }, this.#ephemeral],
        ],
      },
      {
        name: "tidings_delivery_seconds",
        help: "Time from taking a message to handing it to connections of this node.",
        parts: [[{}, this.#delivery]],
      },
      this.logins.histogram,
      this.requests.histogram,
      this.http.histogram,
      ...(this.#grpc === undefined ? [] : [this.#grpc.histogram]),
      ...(this.#traffic?.calls === undefined ? [] : [callsHistogram(this.#traffic.calls)]),
    ];
  }

  #registerGauges({
    local,
    maxConnections,
    pendingLogins,
    waiting,
    inboundBytes,
    http,
    probe,
  }: MetricsSources): void {
    const own = this.#scraped;
    own.gauge("tidings_connections", "Connections on this node.", () => local.size);
    // Bare names, under which dashboards of other servers look for these two.
    own.gauge("connections", "Connections on this node.", () => local.size);
    own.gauge("pending", "Messages in the send queues.", () => local.pending().messages);
    own.gauge("tidings_users", "Users with a connection on this node.", () => local.users);
    own.gauge("tidings_max_connections", "Connections that this node admits.", () => maxConnections);
    own.gauge("tidings_pending_messages", "Messages in the send queues.", () => local.pending().messages);
    own.gauge("tidings_pending_bytes", "Bytes in the send queues.", () => local.pending().bytes);
    own.gauge("tidings_pending_logins", "Handshakes and logins in flight.", pendingLogins);
    own.gauge("tidings_inbound_waiting", "Requests and messages of clients in flight.", waiting);
    const inboundHelp = "Bytes of clients received and not handled.";
    own.gauge("tidings_inbound_bytes", inboundHelp, () => inboundBytes().held);
    own.gauge("tidings_http_sockets", "Sockets of plain HTTP.", () => http.sockets.size);
    const isUp = () =>
      probe().then(
        () => 1,
        () => 0,
      );
    own.gauge("tidings_backplane_up", "1 while the backplane answers.", isUp, "min");
    const delayHelp = "Delay of the event loop since the last scrape.";
    const delays = () => {
      const { p50, p90, p99, max } = this.loopDelay;
      return [
        ["0.5", p50 / 1e3],
        ["0.9", p90 / 1e3],
        ["0.99", p99 / 1e3],
        ["1", max / 1e3],
      ] as const;
    };
    own.gauges("tidings_event_loop_delay_seconds", delayHelp, "quantile", delays, "max");
  }

  #registerCounters({ inboundBytes, http }: MetricsSources): void {
    const own = this.#scraped;
    own.counter("tidings_connects_total", "Connections that were admitted.", () => this.#connects);
    own.counter("tidings_delivered_total", "Messages handed to connections.", () => this.#delivered);
    const { slow } = this.#local;
    own.counter("tidings_dropped_total", "Messages that full send queues dropped.", () => slow.dropped);
    own.counter("tidings_waited_total", "Messages that waited for room in a full queue.", () => slow.waited);
    own.counter("tidings_overflows_total", "Full queues that closed their connection.", () => slow.closed);
    const cutHelp = "Connections that were ended because the node held too many received bytes.";
    own.counter("tidings_inbound_cut_total", cutHelp, () => inboundBytes().cut);
    const httpHelp = "HTTP sockets that were cut or refused because of a limit.";
    own.counter("tidings_http_cut_total", httpHelp, () => http.sockets.cut + http.pipelines.cut);
    const slowHelp = "Connections that were cut because the node held too many unsent bytes.";
    own.counter("tidings_pending_cut_total", slowHelp, () => slow.cut);
    const published = () => Object.entries(this.totals.published);
    own.counters("tidings_published_total", "Messages published on this node.", "kind", published);
    own.counters("tidings_publish_errors_total", "Publishes that failed.", "code", () => this.#errors);
    own.counters("tidings_refused_total", "Clients that got no connection.", "code", () => this.#refusals);
    own.counters("tidings_disconnects_total", "WebSockets that ended.", "cause", () => this.#disconnects);
    const reportedHelp = "Failures that no caller waited for: those of hooks, handlers and the node itself.";
    own.counter("tidings_errors_total", reportedHelp, () => this.#reported);
  }
}

export type { GroupRate } from "./busiest.ts";
export { combinedMetrics } from "./combined.ts";
export { type LoopDelay, LoopDelayMonitor } from "./delay.ts";
export { GrpcCounts } from "./grpc.ts";
export { NO_ROUTE } from "./http.ts";
export type { RecentLoop, RecentMetrics } from "./live.ts";
export type { Quantiles } from "./recent.ts";
export type { JsonMetric } from "./registry.ts";
