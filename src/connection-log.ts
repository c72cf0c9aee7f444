import type { Logger } from "pino";
import type { Metrics, SessionPorts } from "./gateway/gateway.ts";
import type { Hooks } from "./publish/publish.ts";

/** Reports the begin and the end of connections to the log, the metrics and the application. */
export function connectionLog(
  log: Logger,
  hooks: Hooks,
  metrics: Metrics,
): Pick<SessionPorts, "connected" | "disconnected"> {
  return {
    connected({ id, user, platform, address }) {
      metrics.connected();
      log.info({ connection: id, user, platform, address }, "connected");
    },
    disconnected({ cause, code, reason, address }, connection) {
      metrics.disconnected(cause);
      const { id, user, platform } = connection ?? {};
      log.info({ connection: id, user, platform, address, cause, code, reason }, "disconnected");
      if (connection !== undefined) hooks.emit("disconnect", { connection, cause, code, reason });
    },
  };
}
