import { type LimitCounts, Limits } from "./actions/actions.ts";
import { type Backplane, redisClient } from "./backplane/backplane.ts";
import type { Config, ConfigInput } from "./config/config.ts";
import { type Callers, HttpLimits, HttpSockets, Overload, Pipelines } from "./gateway/gateway.ts";
import { type RateStore, redisStore } from "./limit/limit.ts";
import { RunningLimits } from "./limit-settings.ts";
import { TidingsError } from "./protocol/protocol.ts";

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
    share: (changes) => backplane.cluster.adjust("limits", changes),
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
