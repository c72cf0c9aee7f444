import type { Hono } from "hono";
import { type Logger, pino } from "pino";
import {
  type Authorize,
  builtinActions,
  defaultPolicy,
  Inbound,
  Router,
  Sending,
} from "./actions/actions.ts";
import type { EventMap } from "./audience.ts";
import { type Backplane, memoryBackplane, redisBackplane } from "./backplane/backplane.ts";
import { type Config, type ConfigInput, nodeId, resolveConfig } from "./config/config.ts";
import {
  type ApiPorts,
  type Authenticator,
  createApi,
  createMetrics,
  developmentAuth,
  Expiry,
  Gateway,
  jwt,
  type Metrics,
  mountPage,
  renewal,
  type SessionPorts,
  sharedProbe,
} from "./gateway/gateway.ts";
import { Local, type SlowPolicy } from "./local/local.ts";
import { Commands, Members, Watchers } from "./members/members.ts";
import { TidingsError, within } from "./protocol/protocol.ts";
import { Acks, Deliverer, Hooks, Publisher } from "./publish/publish.ts";
import { backplaneSink } from "./sink.ts";
import { Hub, type HubParts } from "./surface.ts";

/** Any part of the configuration (docs/CONFIGURATION.md), and what only code can give. */
export interface HubOptions extends ConfigInput {
  /** Who a client is. @default `jwt()` by the configuration's `jwt`; development mode without one */
  readonly auth?: Authenticator;
  /** What users may do. @default see docs/ARCHITECTURE.md, "Who may do what" */
  readonly authorize?: Authorize;
  /** @default a pino logger to standard output, by the configuration's `logLevel` */
  readonly logger?: Logger;
}

/** What was decided before anything is wired. */
interface Basis {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly hooks: Hooks;
  readonly log: Logger;
  readonly node: string;
  readonly report: (stage: string, error: unknown) => void;
}

/**
 * Makes a hub. It works without any option: in memory, on one node, in development mode (no secret: everyone is who
 * they say, and only this machine is served). This is the composition root: every concrete choice is made here.
 * @throws TidingsError `bad_request` listing every option that is unknown or has a bad value
 */
export function createHub<Events extends object = EventMap>(options: HubOptions = {}): Hub<Events> {
  const { auth, authorize, logger, ...input } = options;
  return hubWith(resolveConfig({ code: input }), { auth, authorize, logger });
}

/** The same with a configuration that is resolved already. */
export function hubWith<Events extends object = EventMap>(
  config: Config,
  { auth, authorize, logger }: Pick<HubOptions, "auth" | "authorize" | "logger"> = {},
): Hub<Events> {
  const log = logger ?? pino({ level: config.logLevel });
  const hooks = new Hooks(config.timeouts.hookMs);
  hooks.on("error", ({ stage, error }) => log.error({ stage, err: error }, "failed"));
  const report = (stage: string, error: unknown): void => hooks.emit("error", { stage, error });
  const authenticator = auth ?? chooseAuthenticator(config);
  return new Hub(assemble({ config, authenticator, hooks, log, node: nodeId(config), report }, authorize));
}

function chooseAuthenticator({ jwt: keys }: Config): Authenticator {
  const hasKeys = keys.secret !== undefined || keys.publicKey !== undefined || keys.jwksUrl !== undefined;
  return hasKeys ? jwt(keys) : developmentAuth();
}

function chooseBackplane(config: Config): Backplane {
  const { redis, cluster, data, history, publish, presence, shutdown } = config;
  if (data !== undefined) {
    throw new TidingsError("bad_request", "data: this version keeps nothing on disk itself, leave it out");
  }
  const { idempotencyWindowMs } = publish;
  const { graceMs } = presence;
  if (redis === undefined) return memoryBackplane({ history, idempotencyWindowMs, graceMs });
  const { prefix, heartbeatInterval, nodeTimeout } = cluster;
  return redisBackplane({
    url: redis,
    prefix,
    history,
    idempotencyWindowMs,
    graceMs,
    drainGraceMs: graceMs + shutdown.reconnectSpreadMs,
    heartbeatMs: Math.round(heartbeatInterval * 1_000),
    timeoutMs: Math.round(nodeTimeout * 1_000),
  });
}

function slowPolicy({ closeOnBackpressure, dropOnFull }: Config["websocket"]): SlowPolicy {
  if (closeOnBackpressure) return "close";
  return dropOnFull ? "drop" : "wait";
}

function makeLocal({ websocket }: Config): Local {
  return new Local({
    shardCount: websocket.shardCount,
    shardsPerTurn: websocket.broadcastWorkers,
    outbox: {
      messages: websocket.messageBufferSize,
      bytes: websocket.maxPendingBytes,
      socketBytes: websocket.writeBufferSize,
      policy: slowPolicy(websocket),
      waitMs: websocket.sendTimeoutMs,
    },
    heartbeat: {
      intervalMs: websocket.heartbeatInterval * 1_000,
      timeoutMs: websocket.connectionTimeout * 1_000,
      writeTimeoutMs: websocket.writeTimeoutMs,
      ping: websocket.enableGlobalPing,
      shardsPerStep: websocket.pingWorkers,
    },
    compression: { level: websocket.compressionLevel, threshold: websocket.compressionThreshold },
  });
}

/** The lower rooms: this node, what ties it to others, and the way of messages between them. */
function makeCore({ config, hooks, report }: Basis, local: Local, backplane: Backplane, metrics: Metrics) {
  const { websocket } = config;
  const watchers = new Watchers();
  const deliverer = new Deliverer(local, metrics);
  const acks = new Acks(backplane.cursors);
  const publisher = new Publisher({
    backplane,
    deliverer,
    acks,
    ackTimeoutMs: config.publish.ackTimeoutMs,
    meter: metrics,
    delivered(message, receipt) {
      if (hooks.has("delivered")) hooks.emit("delivered", { message, receipt });
    },
  });
  const { maxConnectionsPerUser: maxPerUser, perUserPolicy, onePerPlatform } = websocket;
  const rules = { maxPerUser, perUserPolicy, onePerPlatform };
  const holdLimit = websocket.messageBufferSize;
  const members = new Members({ local, backplane, watchers, rules, holdLimit, report });
  const commands = new Commands(local, members);
  const sink = backplaneSink({ deliverer, acks, watchers, hooks, commands, report });
  return { watchers, publisher, members, sink };
}

/** Everything, from the lowest room to the highest. */
function assemble(basis: Basis, authorize?: Authorize): HubParts {
  const { config, authenticator, hooks, report } = basis;
  const { websocket } = config;
  const local = makeLocal(config);
  const backplane = chooseBackplane(config);
  const probe = sharedProbe(backplane);
  const isDevelopment = authenticator.mode === "development";
  const policy = {
    authorize: authorize ?? defaultPolicy(local, backplane, config.publish.clientBroadcast ?? isDevelopment),
  };
  const allowed = inTime(policy, config.timeouts.hookMs);
  const metrics = createMetrics({
    local,
    pendingLogins: () => gateway.pending,
    waiting: () => inbound.waiting,
    probe,
    traffic: backplane.traffic,
  });
  const { watchers, publisher, members, sink } = makeCore(basis, local, backplane, metrics);

  const router = new Router(config.timeouts.handlerMs);
  const sending = new Sending({ publisher, hooks, authorize: allowed });
  const inbound = new Inbound({ router, sending, maxWaiting: websocket.messageQueueSize, report });
  const expiry = new Expiry();
  const renewLogin = renewal(authenticator, expiry);
  builtinActions({ router, local, backplane, members, watchers, authorize: allowed, renewLogin });
  const gateway = makeGateway(basis, { local, members, inbound, expiry, metrics, allowed });
  const isDraining = (): boolean => gateway.isDraining;
  const api = makeApi(basis, { publisher, backplane, probe, local, inbound, metrics, isDraining });
  return { ...basis, local, backplane, sink, policy, publisher, router, gateway, api, expiry, metrics };
}

type ApiParts = Pick<
  ApiPorts,
  "publisher" | "backplane" | "probe" | "local" | "inbound" | "metrics" | "isDraining"
>;

/** The HTTP API; in development mode with the page. */
function makeApi({ config, authenticator, node, report }: Basis, parts: ApiParts): Hono {
  const { apiKey, path, websocket } = config;
  const development = authenticator.mode === "development";
  const limits = { maxMessageBytes: websocket.maxMessageSize };
  const startedAt = Date.now();
  const api = createApi({
    ...parts,
    authenticator,
    node,
    apiKey,
    development,
    report,
    limits,
    startedAt,
    path,
  });
  if (development) mountPage(api, path);
  return api;
}

/** The policy in force, which may be exchanged. An answer that does not come must not hold up a connection for ever. */
const inTime =
  (policy: HubParts["policy"], timeoutMs: number): Authorize =>
  (user, verb, channel) => {
    const answer = policy.authorize(user, verb, channel);
    return answer instanceof Promise ? within(timeoutMs, "the policy", () => answer) : answer;
  };

interface GatewayParts {
  readonly local: Local;
  readonly members: Members;
  readonly inbound: Inbound;
  readonly expiry: Expiry;
  readonly metrics: Metrics;
  readonly allowed: Authorize;
}

function makeGateway(basis: Basis, { allowed, metrics, ...parts }: GatewayParts): Gateway {
  const { config, authenticator, hooks, node, log } = basis;
  const { websocket, path, origins } = config;
  const { maxConnections, maxHandshakes, enableCompression: deflate } = websocket;
  const ports = {
    ...parts,
    hooks,
    authenticator,
    node,
    authorize: allowed,
    heartbeatMs: websocket.heartbeatInterval * 1_000,
    maxMessageBytes: websocket.maxMessageSize,
    loginTimeoutMs: websocket.loginTimeoutMs,
    ...connectionLog(log, hooks, metrics),
  };
  return new Gateway(ports, { path, origins, maxConnections, maxHandshakes, deflate });
}

/** Who comes and goes, for the log, the metrics and the application. */
function connectionLog(
  log: Logger,
  hooks: Hooks,
  metrics: Metrics,
): Pick<SessionPorts, "connected" | "disconnected"> {
  return {
    connected({ id, user, platform }) {
      metrics.connected();
      log.info({ connection: id, user, platform }, "connected");
    },
    disconnected({ cause, code, reason }, connection) {
      metrics.disconnected(cause);
      const { id, user, platform } = connection ?? {};
      log.info({ connection: id, user, platform, cause, code, reason }, "disconnected");
      if (connection !== undefined) hooks.emit("disconnect", { connection, cause, code, reason });
    },
  };
}
