import type { Logger } from "pino";
import type { HealthEvent } from "./backplane/backplane.ts";

/** Logs the changes of a node's health: one line each. */
export function healthLog(log: Logger): (event: HealthEvent) => void {
  return ({ kind, ...facts }) => {
    if (kind === "degraded") log.warn(facts, "degraded: a part of the service does not work as it should");
    else if (kind === "restored") log.info(facts, "restored: this part of the service works again");
    else if (kind === "lost") log.warn(facts, "a connection to the backplane was lost");
    else log.info(facts, "a connection to the backplane was made again");
  };
}
