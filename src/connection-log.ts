import type { Router } from "./actions/actions.ts";
import type { Backplane } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import type { EventTails } from "./console/console.ts";
import type { ApiPorts, Metrics, SessionPorts } from "./gateway/gateway.ts";
import type { Log } from "./hub-log.ts";
import type { Connection } from "./local/local.ts";
import { groupChannel, toTidingsError } from "./protocol/protocol.ts";
import type { Hooks, RefusedClient } from "./publish/publish.ts";
import { FlightRecorder } from "./why/why.ts";

/** Makes the flight recorder, and lets it hear of connections and groups. @returns undefined when it is switched off */
export function makeRecorder(
  { recorder: { messages } }: Config,
  { now }: Backplane,
  hooks: Hooks,
): FlightRecorder | undefined {
  if (messages === 0) return undefined;
  const recorder = new FlightRecorder(messages, now);
  hooks.on("join", ({ connection, group }) => recorder.moved("joined", connection, groupChannel(group)));
  hooks.on("leave", ({ connection, group }) => {
    // One that has ended leaves all its groups: its end says so. Hooks get the connections of this node.
    if ((connection as Connection).state === "open") recorder.moved("left", connection, groupChannel(group));
  });
  hooks.on("disconnect", ({ connection, cause, reason }) => recorder.ended(connection, cause, reason));
  return recorder;
}

/** Listeners to connections, beside the log and the application. */
interface Heard {
  readonly metrics: Metrics;
  readonly recorder?: FlightRecorder | undefined;
  /** For consoles. @default none */
  readonly tails?: Pick<EventTails, "connected"> | undefined;
}

/** Reports the begin and the end of connections, and refused clients, to the log, the metrics and the application. */
export function connectionLog(
  log: Log,
  hooks: Hooks,
  { metrics, recorder, tails }: Heard,
): Pick<SessionPorts, "connected" | "disconnected" | "refused"> {
  const refusals = new RefusalLog(log);
  return {
    connected(connection, requestId) {
      const { id, user, platform, address } = connection;
      metrics.connected();
      tails?.connected(connection);
      log.info({ connection: id, user, platform, address, requestId }, "connected");
    },
    disconnected({ cause, code, reason, address, requestId }, connection) {
      metrics.disconnected(cause);
      const { id, user, platform } = connection ?? {};
      const ended = { cause, code, reason, requestId };
      log.info({ connection: id, user, platform, address, ...ended }, "disconnected");
      if (connection !== undefined) hooks.emit("disconnect", { connection, cause, code, reason });
    },
    refused(client, user) {
      recorder?.turnedAway(client.code, client.reason, client.address, user);
      metrics.refused(client.code);
      refusals.add(client);
      hooks.emit("refused", client);
    },
  };
}

/** Logs what clients and the application do, at the level `debug`: names and ids, never data and tokens. */
export function debugLog(log: Log, hooks: Hooks, router: Pick<Router, "use">): void {
  const { debug } = log;
  if (debug === undefined) return;
  hooks.on("delivered", ({ message: { id, type, channel, from }, receipt: { state, connections } }) => {
    debug({ message: id, type, channel, from, state, connections }, "published");
  });
  hooks.on("join", ({ connection: { id, user }, group }) => {
    debug({ connection: id, user, group }, "joined");
  });
  hooks.on("leave", ({ connection: { id, user }, group }) => {
    debug({ connection: id, user, group }, "left");
  });
  router.use(async ({ action, user, connection }, next) => {
    const startedAt = performance.now();
    const facts = { action, user, connection: connection.id };
    const done = (code: string): void => {
      debug({ ...facts, code, ms: msSince(startedAt) }, "request");
    };
    try {
      const reply = await next();
      done("ok");
      return reply;
    } catch (thrown) {
      done(toTidingsError(thrown).code);
      throw thrown;
    }
  });
}

/** Logs HTTP requests at the level `debug`, without their query. @returns undefined at a higher level */
export function requestLog(log: Log): ApiPorts["requested"] {
  const { debug } = log;
  return debug && ((facts) => debug(facts, "HTTP request"));
}

const msSince = (startedAt: number): number => Math.round((performance.now() - startedAt) * 100) / 100;

/** Lines about refused clients within a second: a flood of them must not fill the disk. */
const LINES_PER_SECOND = 20;

/** Logs refused clients. Beyond the rate it counts them, and the next line has their number. */
class RefusalLog {
  readonly #log: Log;
  #since = 0;
  #lines = 0;
  #unlogged = 0;

  constructor(log: Log) {
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
