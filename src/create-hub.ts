import { pino } from "pino";
import {
  type Authorize,
  builtinActions,
  Declaration,
  Inbound,
  InboundBytes,
  messageCheck,
  type Policy,
  Router,
  reviewer,
  Sending,
} from "./actions/actions.ts";
import type { EventMap } from "./audience.ts";
import {
  type Backplane,
  kindsBy,
  memoryBackplane,
  onlyBackplane,
  Questions,
  redisBackplane,
  sqliteBackplane,
} from "./backplane/backplane.ts";
import {
  assertNotProduction,
  type Config,
  type ConfigInput,
  hasTokenKey,
  nodeId,
  resolveConfig,
} from "./config/config.ts";
import { debugLog, makeRecorder, requestLog } from "./connection-log.ts";
import { ConsoleTokens, isConsole, serveConsoles, withConsoles } from "./console/console.ts";
import {
  type Authenticator,
  assertAuthenticator,
  assertOrigins,
  Callers,
  createMetrics,
  developmentAuth,
  Expiry,
  GrpcCounts,
  jwt,
  type Metrics,
  makeApi,
  Neighbours,
  RequestScope,
  renewal,
  sharedProbe,
  UnfinishedMessages,
  type Workers,
  withAnonymous,
  withCheckedIds,
  withLimits,
  withLoginLimits,
  withObservers,
} from "./gateway/gateway.ts";
import { assertNoChat, countsOf, type Guards, makeGuards, makeHttpGuards, redisOf } from "./guards.ts";
import type { DeclaredHubOptions, Hub, HubOptions } from "./hub.ts";
import { commonFields, errorLog, healthLog, type Log, logOf } from "./hub-log.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { Connection, Local } from "./local/local.ts";
import { assertSink, type MessageLog, type MessageSink, makeMessageLog } from "./log/log.ts";
import { makeGateway } from "./make-gateway.ts";
import { makeLocal, memberLimits } from "./make-local.ts";
import { makeKey, makePolicy, makePositions, makeWhy } from "./make-policy.ts";
import { Blocks, Commands, Gaps, Members, PresenceComparison } from "./members/members.ts";
import { type ApiDeclaration, type ClientConnection, defineApi, SerialPerKey } from "./protocol/protocol.ts";
import {
  Acks,
  Deliverer,
  HistoryReads,
  Hooks,
  Listeners,
  type PositionKey,
  Publisher,
  SenderBudgets,
} from "./publish/publish.ts";
import { type HubParts, RunningHub } from "./running-hub.ts";
import { backplaneSink, makeWatching, sharedSettings } from "./sink.ts";
import { makeTracing, type Tracer, type Tracing } from "./tracing/tracing.ts";
import type { FlightRecorder } from "./why/why.ts";

/** Choices that the wiring needs first. */
interface Basis {
  readonly config: Config;
  readonly authenticator: Authenticator;
  readonly backplane: Backplane;
  readonly questions: Questions;
  /** Of the proofs in positions and in the tokens of consoles. */
  readonly key: PositionKey;
  readonly consoles: ConsoleTokens;
  readonly development: boolean;
  /** Clients of development mode. */
  readonly neighbours: Neighbours;
  readonly callers: Callers;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly node: string;
  readonly report: (stage: string, error: unknown, connection?: ClientConnection) => void;
  readonly requestScope: RequestScope;
  readonly tracing: Tracing | undefined;
  readonly workers: Workers | undefined;
  readonly declared: Declaration | undefined;
  readonly messageSink: MessageSink | undefined;
  readonly recorder: FlightRecorder | undefined;
}

/**
 * Makes a hub. Without options it runs in memory, on one node, in development mode: it trusts every user id and serves
 * only this machine. This file is the composition root: it makes every concrete choice.
 * @throws TidingsError `bad_request` listing every option that is unknown or has a bad value, for a `jwt` without a
 * key or with one that can be guessed, for an `auth` that is no authenticator, and without `jwt` and `auth` when NODE_ENV
 * is `production`
 */
export function createHub<Api extends ApiDeclaration>(options: DeclaredHubOptions<Api>): Hub<Api>;
export function createHub<Events extends object = EventMap>(options?: HubOptions): Hub<Events>;
export function createHub<Declared extends object>(
  options: HubOptions & Partial<DeclaredHubOptions<ApiDeclaration>> = {},
): Hub<Declared> {
  const { auth, authorize, logger, api, backplane, messageLog, tracing, ...others } = options;
  const tracer = typeof tracing === "object" ? tracing : undefined;
  const rest: ConfigInput = tracer === undefined ? { ...others, tracing: tracing as boolean } : others;
  if (Object.hasOwn(options, "auth")) assertAuthenticator(auth);
  assertNoChat(rest);
  const declared = Object.hasOwn(options, "api")
    ? new Declaration(defineApi(api as ApiDeclaration))
    : undefined; // it checks the value
  const messageSink = typeof messageLog === "object" ? assertSink(messageLog) : undefined;
  const input = messageSink === undefined ? { ...rest, messageLog: messageLog as string | undefined } : rest;
  const parts = { auth, authorize, logger, declared, backplane, messageSink, tracer };
  return hubWith(resolveConfig({ code: input }), parts);
}

/** Options of code, with those that no application gives. */
interface InternalOptions extends Pick<HubOptions, "auth" | "authorize" | "logger" | "backplane"> {
  readonly declared?: Declaration | undefined;
  /** The workers of a supervised server. */
  readonly workers?: Workers;
  /** The application's message log. */
  readonly messageSink?: MessageSink | undefined;
  /** The application's tracer. @default by the setting `tracing` */
  readonly tracer?: Tracer | undefined;
}

/** Makes a hub from a resolved configuration. */
export function hubWith<Declared extends object = EventMap>(
  config: Config,
  { auth, authorize, logger, workers, declared, backplane, messageSink, tracer }: InternalOptions = {},
): Hub<Declared> {
  const node = nodeId(config);
  const requestScope = new RequestScope();
  const tracing = makeTracing(tracer ?? config.tracing, node);
  const common = commonFields(node, requestScope, tracing);
  const log = logOf(logger ?? pino({ level: config.logLevel }), config.logLevel, common);
  const hooks = new Hooks(config.timeouts.hookMs);
  hooks.on("error", errorLog(log));
  const report: Basis["report"] = (stage, error, connection) =>
    hooks.emit("error", { stage, error, connection });
  const chosen = chooseBackplane(config, backplane);
  const key = makeKey(chosen, report);
  const consoles = new ConsoleTokens(key);
  const checked = withCheckedIds(auth ?? chooseAuthenticator(config, report));
  const { loginTimeoutMs: timeoutMs } = config.websocket;
  const visited = withAnonymous(checked, config.policy.anonymous);
  const authenticator = withLimits(withConsoles(visited, consoles), { timeoutMs });
  assertOrigins(authenticator, config.origins);
  for (const warning of authenticator.warnings ?? []) log.warn({}, warning);
  const neighbours = new Neighbours(config.development.networks);
  const callers = new Callers(config.trustProxy, (peer) => log.warn({ peer }, STRANGE_PROXY));
  const development = authenticator.mode === "development";
  const about = { config, authenticator, development, neighbours, callers };
  const recorder = makeRecorder(config, chosen, hooks);
  const asking = { backplane: chosen, questions: new Questions(chosen.cluster), recorder, key, consoles };
  const told = { hooks, log, node, report, requestScope, tracing };
  const basis = { ...about, ...asking, ...told, workers, declared, messageSink };
  return new RunningHub(assemble(basis, authorize));
}

const STRANGE_PROXY =
  "requests carry X-Forwarded-For, and their peer is no trusted proxy: its address counts as that of all its clients. " +
  "If it is your proxy, name it in trustProxy (TRUST_PROXY)";

function chooseAuthenticator(
  { jwt: keys, security: { allowWeakKeys } }: Config,
  report: Basis["report"],
): Authenticator {
  if (hasTokenKey(keys)) {
    return jwt({ ...keys, allowWeakKeys, report: (error) => report("token keys", error) });
  }
  assertNotProduction();
  return developmentAuth();
}

/** @throws TidingsError `bad_request` for a backplane of the application beside another one */
function chooseBackplane(config: Config, own: Backplane | undefined): Backplane {
  const { cluster, data, storage, history, publish, presence, shutdown } = config;
  const onDisk = data !== undefined && data !== false;
  if (own !== undefined) return onlyBackplane(own, onDisk || config.redis !== undefined);
  const { idempotencyWindowMs } = publish;
  const { graceMs } = presence;
  const redis = redisOf(config);
  if (onDisk) {
    const limits = { ...history, totalBytes: storage.maxBytes };
    return sqliteBackplane({ ...storage, directory: data, history: limits, idempotencyWindowMs, graceMs });
  }
  if (redis === undefined) return memoryBackplane({ history, idempotencyWindowMs, graceMs });
  const { prefix, heartbeatInterval, nodeTimeout } = cluster;
  return redisBackplane({
    ...redis,
    ...{ prefix, history, idempotencyWindowMs, graceMs },
    drainGraceMs: graceMs + shutdown.reconnectSpreadMs,
    heartbeatMs: Math.round(heartbeatInterval * 1_000),
    timeoutMs: Math.round(nodeTimeout * 1_000),
  });
}

/** Wires the path of messages: publisher, members of channels, and the sink of the backplane. */
function makeMessaging(
  basis: Basis,
  local: Local,
  backplane: Backplane,
  policy: Policy,
  metrics: Metrics,
  { limits, overload, limitSettings }: Guards,
  log: MessageLog | undefined,
) {
  const { config, hooks, report, recorder, tracing } = basis;
  const { isUnstored, isLastValue } = kindsBy(config.history.channels);
  const { now } = backplane;
  const deliverer = new Deliverer(local, metrics, { now, report, log, recorder, tracing });
  const acks = new Acks(backplane.cursors);
  const { broker } = backplane;
  const reads = new HistoryReads(broker);
  const listeners = new Listeners({ reads, broker, isLastValue, isUnstored, report });
  const publisher = new Publisher({
    ...{ backplane, deliverer, acks, reads },
    senders: new SenderBudgets(config.publish.storedBytesPerHour, (isAllowed) =>
      limits.count("stored_bytes", isAllowed),
    ),
    assertEphemeral: () => overload.assertEphemeral(),
    isUnstored,
    isLastValue,
    check: basis.declared && messageCheck(basis.declared),
    ackTimeoutMs: config.publish.ackTimeoutMs,
    meter: metrics,
    log,
    recorder,
    tracing,
    delivered(message, receipt) {
      recorder?.published(message, receipt);
      if (hooks.has("delivered")) hooks.emit("delivered", { message, receipt });
    },
  });
  const { rules, holdLimits } = memberLimits(config);
  const { watchers, rooms } = makeWatching(hooks, backplane, report);
  const { key } = basis;
  const guard = makePositions(policy, key);
  const ports = { local, backplane, reads, guard, watchers, rooms, rules, isLastValue, blocks: new Blocks() };
  const members = new Members({ ...ports, holdLimits, hooks, report });
  const groupChanges = new SerialPerKey<Connection>();
  const review = reviewer({ policy, members, watchers, rooms, backplane, groupChanges });
  const commands = new Commands(local, members, ports.blocks, review);
  const comparison = new PresenceComparison({ ...backplane, watchers, pace: members.pace, report });
  const adjusted = sharedSettings({ limits: limitSettings, positionKey: key });
  const { questions } = basis;
  const heard = { deliverer, listeners, acks, presence: comparison, rooms, hooks, commands, questions };
  const sink = backplaneSink({ ...heard, adjusted, report });
  return { publisher, reads, watchers, rooms, members, review, groupChanges, sink, listeners };
}

/** Limits the logins, and tells metrics and traces of them. */
function watchedLogins({ authenticator, tracing, recorder }: Basis, { limits }: Guards, metrics: Metrics) {
  const limited = withLoginLimits(authenticator, limits, recorder?.loginRefused);
  return withObservers(limited, { meter: metrics.logins, tracing });
}

/** Wires all parts, from the lowest room to the highest. */
function assemble(basis: Basis, authorize?: Authorize): HubParts {
  const { config, hooks, report, log, backplane, recorder, declared, tracing } = basis;
  backplane.health.watch(healthLog(log));
  const guards = makeGuards({ config, backplane, report });
  const gaps = new Gaps(backplane.broker, report);
  const local = makeLocal(config, hooks, (connection) => gaps.tell(connection));
  const probe = sharedProbe(backplane);
  const policy = makePolicy(basis, local, backplane, authorize);
  // The one cycle at run time: gateway and inbound count in the metrics, and a scrape reads both, after the wiring.
  const pendingLogins = (): number => gateway.pending;
  const waiting = (): number => inbound.waiting;
  const received = (): number => inbound.received;
  const inboundBytes = (): Inbound["bytes"] => inbound.bytes;
  const { maxConnections } = config.websocket;
  const { refuses, ...http } = makeHttpGuards(basis, guards);
  const grpcCounts = config.grpc.port === undefined ? undefined : new GrpcCounts();
  const { traffic, health } = backplane;
  const counts = { pendingLogins, waiting, received, inboundBytes };
  const sources = { local, probe, health, traffic, maxConnections, ...counts };
  const messageLog = makeMessageLog(basis, backplane);
  const metrics = createMetrics({ ...sources, http, guards: countsOf(guards), messageLog, grpc: grpcCounts });
  const authenticator = watchedLogins(basis, guards, metrics);
  hooks.on("error", () => metrics.reported());
  const messaging = makeMessaging(basis, local, backplane, policy, metrics, guards, messageLog);
  const { publisher, reads, members, review, sink, listeners } = messaging;

  const { messageQueueSize: maxWaiting, maxInboundBytes, messageTimeoutMs } = config.websocket;
  const router = new Router(config.timeouts.handlerMs, maxWaiting, isConsole);
  debugLog(log, hooks, router);
  const check = declared && messageCheck(declared);
  const handling = { router, sending: new Sending({ publisher, hooks, policy, check }) };
  const bytes = new InboundBytes(maxInboundBytes);
  const watching = { report, meter: metrics.requests, recorder, tracing };
  const inbound = new Inbound({ ...handling, ...watching, maxWaiting, bytes, limits: guards.limits });
  const unfinished = new UnfinishedMessages(messageTimeoutMs, bytes);
  const expiry = new Expiry();
  const renewLogin = renewal(authenticator, expiry, review);
  builtinActions({ ...messaging, ...handling, local, backplane, hooks, policy, renewLogin, log: messageLog });
  const tails = serveConsoles({ ...basis, router, local });
  guards.limits.refused = (...refusal) => tails.limited(...refusal);
  const entry = { local, members, inbound, unfinished, expiry, metrics, policy };
  const gateway = makeGateway({ ...basis, authenticator, tails }, guards, entry);
  const isDraining = (): boolean => gateway.isClosing;
  const why = makeWhy(basis, policy, local, publisher);
  const asked = { publisher, reads, backplane, listeners, probe, local, inbound, metrics };
  const parts = { ...asked, isDraining, messageLog, why };
  const about = { ...basis, ...guards, refuses, grpcCounts, requested: requestLog(log) };
  const drain = (): void => void lifecycle.drain();
  const ownsServer = (): boolean => lifecycle.ownsServer;
  const served = makeApi({ ...about, ...parts, drain, ownsServer, startedAt: performance.now() });
  const lifecycle = new Lifecycle({
    ...basis,
    ...guards,
    ...{ local, backplane, sink, gateway, expiry, metrics, messageLog },
    ...http,
    ...served,
  });
  return { ...basis, ...guards, ...served, ...parts, policy, router, lifecycle, ...http };
}
