import { hash } from "node:crypto";
import { type LimitCounts, Limits } from "./actions/actions.ts";
import { type AtOnce, type Backplane, redisClient } from "./backplane/backplane.ts";
import { type Config, type ConfigInput, resolveConfig } from "./config/config.ts";
import {
  type Callers,
  HttpLimits,
  HttpSockets,
  type LimitSettings,
  Overload,
  Pipelines,
} from "./gateway/gateway.ts";
import { type RateStore, redisStore } from "./limit/limit.ts";
import { TidingsError, toTidingsError } from "./protocol/protocol.ts";

type LimitConfig = Config["limits"];

/** Characters of a version: 96 bits, so that no two changes share one. */
const VERSION_LENGTH = 16;

/** The parts that keep one client, or all of them, from taking more than a share. */
export interface Guards {
  readonly limits: Limits;
  readonly httpLimits: HttpLimits;
  readonly overload: Overload;
  readonly limitSettings: RunningLimits;
}

export interface GuardPorts {
  readonly config: Config;
  readonly backplane: Backplane;
  readonly report: (stage: string, error: unknown) => void;
}

/** The chat is built on hubs, so a hub cannot make one. @throws TidingsError `bad_request` for a hub of code with `chat: true` */
export function assertNoChat({ chat }: Pick<ConfigInput, "chat">): void {
  if (chat !== true) return;
  throw new TidingsError("bad_request", 'chat: in code write createChat({ hub }), from "tidings/chat"');
}

export function makeGuards({ config, backplane, report }: GuardPorts): Guards {
  const limits = new Limits(config.limits);
  const httpLimits = new HttpLimits(config.limits.http, {
    limits,
    store: chooseStore(config),
    report: (error) => report("limits", error),
  });
  const overload = new Overload(config.overload, {
    counted: (isAllowed) => limits.count("connects_node", isAllowed),
    changed(why) {
      if (why === undefined) backplane.health.restore("overload");
      else backplane.health.degrade("overload", why);
    },
  });
  const limitSettings = new RunningLimits(config.limits, {
    report,
    check: ({ http }) => HttpLimits.check(http),
    share: (changes, atOnce) => backplane.cluster.adjust("limits", changes, atOnce),
    apply(next) {
      httpLimits.update(next.http);
      limits.update(next);
    },
  });
  return { limits, httpLimits, overload, limitSettings };
}

/** Makes the limits of the sockets of plain HTTP. */
export const makeHttpGuards = (
  { config, callers }: { readonly config: Config; readonly callers: Callers },
  { limits }: Guards,
) => {
  // A trusted proxy speaks for many clients.
  const refuses = (peer: string): boolean => !callers.isProxy(peer) && limits.refusesSocket(peer);
  const { maxHandshakes: opening } = config.websocket;
  return {
    refuses,
    sockets: new HttpSockets({ opening, open: config.http.maxSockets, refuses }),
    pipelines: new Pipelines(),
  };
};

/** The Redis of the nodes, with its credentials; undefined without one. */
export const redisOf = ({ redis: url, cluster }: Config) =>
  url === undefined
    ? undefined
    : {
        url,
        sentinelUsername: cluster.sentinelUsername,
        sentinelPassword: cluster.sentinelPassword,
        ca: cluster.redisCa,
        cert: cluster.redisCert,
        key: cluster.redisKey,
      };

/** Chooses what counts the requests of the HTTP API; undefined for this process. */
function chooseStore(config: Config): RateStore | undefined {
  if (config.limits.http.store === "memory") return undefined;
  const redis = redisOf(config);
  if (redis === undefined) {
    throw new TidingsError("bad_request", "limits.http.store: redis needs the setting redis (REDIS_URL)");
  }
  return redisStore({ client: () => redisClient(redis), prefix: `${config.cluster.prefix}rl:` });
}

/** Counts of the guards, for the metrics. */
export interface GuardCounts {
  readonly allowed: LimitCounts;
  readonly denied: LimitCounts;
  readonly shed: Overload["shed"];
}

export const countsOf = ({ limits, overload }: Guards): GuardCounts => ({
  allowed: limits.allowed,
  denied: limits.denied,
  shed: overload.shed,
});

export interface LimitSettingsPorts {
  /** @throws TidingsError `bad_request` for limits that contradict each other */
  readonly check: (limits: LimitConfig) => void;
  /** Puts limits in force on this node. */
  readonly apply: (limits: LimitConfig) => void;
  /** Gives all nodes the changes, as JSON. */
  readonly share: (changes: string, atOnce: AtOnce) => Promise<void>;
  readonly report: (stage: string, error: unknown) => void;
}

/** The limits of this node: those of its configuration, and the changes that were made on all nodes while they run. */
export class RunningLimits implements LimitSettings {
  readonly #ports: LimitSettingsPorts;
  #configured: LimitConfig;
  #inForce: LimitConfig;
  #changes: ConfigInput["limits"] = {};

  constructor(configured: LimitConfig, ports: LimitSettingsPorts) {
    this.#configured = configured;
    this.#inForce = configured;
    this.#ports = ports;
  }

  get inForce(): LimitConfig {
    return this.#inForce;
  }

  get changes(): object {
    return this.#changes ?? {};
  }

  get version(): string {
    return hash("sha256", JSON.stringify(this.changes), "base64url").slice(0, VERSION_LENGTH);
  }

  async change(changes: unknown, version?: string): Promise<void> {
    this.#checked(this.#configured, changes); // before any node hears of a bad value
    if (version !== undefined && version !== this.version)
      throw new TidingsError("conflict", "the limits were changed meanwhile: read them again");
    // Nothing is awaited since the comparison, so a change that this node has not heard of yet is refused as well.
    await this.#ports.share(JSON.stringify(changes), version === undefined ? "follow" : "refuse");
  }

  /** Takes changes that a node has shared. Another version may have made them: what this one refuses is reported. */
  changed(text: string): void {
    try {
      const changes: unknown = JSON.parse(text);
      this.#apply(this.#configured, changes);
      this.#changes = changes as ConfigInput["limits"]; // checked by #apply
    } catch (error) {
      this.#ports.report("limits", error);
    }
  }

  /**
   * Takes new limits of the configuration. The changes stay in force.
   * @throws TidingsError `bad_request` listing what is wrong; then nothing has changed
   */
  configure(limits: ConfigInput["limits"]): void {
    const configured = resolveConfig({ code: { limits } }).limits;
    this.#apply(configured, this.#changes);
    this.#configured = configured;
  }

  #apply(configured: LimitConfig, changes: unknown): void {
    const limits = this.#checked(configured, changes);
    this.#ports.apply(limits);
    this.#inForce = limits;
  }

  /** @throws TidingsError `bad_request` */
  #checked(configured: LimitConfig, changes: unknown): LimitConfig {
    const limits = merged(configured, changes);
    if (limits.http.store !== this.#inForce.http.store)
      throw new TidingsError("bad_request", "http.store: cannot change while the hub runs");
    this.#ports.check(limits);
    return limits;
  }
}

/** @throws TidingsError `bad_request` listing every unknown setting and every bad value */
function merged(configured: LimitConfig, changes: unknown): LimitConfig {
  try {
    const code = { limits: changes } as ConfigInput; // checked by resolveConfig
    return resolveConfig({ code, file: { limits: configured } }).limits;
  } catch (thrown) {
    const { code, message } = toTidingsError(thrown);
    throw new TidingsError(code, message.replaceAll("option limits.", ""), { cause: thrown });
  }
}
