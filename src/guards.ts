import { type LimitCounts, Limits } from "./actions/actions.ts";
import type { Backplane } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import { HttpLimits, Overload } from "./gateway/gateway.ts";
import { RunningLimits } from "./limit-settings.ts";

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

export function makeGuards({ config, backplane, report }: GuardPorts): Guards {
  const limits = new Limits(config.limits);
  const httpLimits = new HttpLimits(config.limits.http, limits);
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

/** What the metrics read of the guards. */
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
