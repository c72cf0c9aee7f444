import type { Logger } from "pino";
import type { Metrics, SessionPorts } from "./gateway/gateway.ts";
import type { Hooks, RefusedClient } from "./publish/publish.ts";

/** Reports the begin and the end of connections, and refused clients, to the log, the metrics and the application. */
export function connectionLog(
  log: Logger,
  hooks: Hooks,
  metrics: Metrics,
): Pick<SessionPorts, "connected" | "disconnected" | "refused"> {
  const refusals = new RefusalLog(log);
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
    refused(client) {
      metrics.refused(client.code);
      refusals.add(client);
      hooks.emit("refused", client);
    },
  };
}

/** Lines about refused clients within a second: a flood of them must not fill the disk. */
const LINES_PER_SECOND = 20;

/** Logs refused clients. Beyond the rate it counts them, and the next line has their number. */
class RefusalLog {
  readonly #log: Logger;
  #since = 0;
  #lines = 0;
  #unlogged = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(client: RefusedClient): void {
    const now = performance.now();
    if (now - this.#since >= 1_000) {
      this.#since = now;
      this.#lines = 0;
    }
    if (this.#lines++ >= LINES_PER_SECOND) {
      this.#unlogged++;
      return;
    }
    const more = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged };
    this.#unlogged = 0;
    this.#log.info({ ...client, ...more }, "refused");
  }
}
