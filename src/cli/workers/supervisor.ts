import { once } from "node:events";
import { connect } from "node:net";
import { pino } from "pino";
import { assertNotProduction, type Config, hasTokenKey, nodeId } from "../../config/config.ts";
import type { Collected, ReportName } from "../../gateway/gateway.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Ready } from "./messages.ts";
import { WorkerSlot } from "./worker-slot.ts";

/** Runs several workers on one port. Each is a node of the cluster, and is restarted when it exits. */
export class Supervisor {
  readonly #config: Config;
  readonly #slots: readonly WorkerSlot[];

  /** @throws TidingsError `bad_request` without Redis, and for development mode when NODE_ENV is `production` */
  constructor(config: Config, count: number) {
    if (config.redis === undefined) {
      throw new TidingsError(
        "bad_request",
        "--workers: each worker is a node, and several nodes require Redis (set REDIS_URL)",
      );
    }
    if (!hasTokenKey(config.jwt)) assertNotProduction(); // here, or each worker would report it
    this.#config = config;
    const log = pino({ level: config.logLevel });
    const server = nodeId(config);
    const collect = (name: ReportName): Promise<Collected> => this.#collect(name);
    this.#slots = Array.from({ length: count }, (_, index) => {
      const own = { ...config, node: { ...config.node, id: `${server}-${index + 1}` } };
      return new WorkerSlot({ config: own, server, log, collect });
    });
  }

  /**
   * Starts the first worker, which selects the shared port, and then the others.
   * @returns the address of the first worker
   * @throws TidingsError `conflict` when the port is in use; `unavailable` when the first worker does not start,
   * because the others would fail as well
   */
  async start(): Promise<Ready> {
    const [first, ...others] = this.#slots;
    if (first === undefined) throw new TidingsError("bad_request", "--workers: expected at least one");
    await this.#assertFree();
    const ready = await first.open(this.#config.port);
    first.keep(ready.port);
    for (const slot of others) slot.keep(ready.port);
    return ready;
  }

  /** Gives all workers the limits of a configuration that was read again. */
  limit(limits: Config["limits"]): void {
    for (const slot of this.#slots) slot.limit(limits);
  }

  /** Drains all workers. Resolves after their exit. */
  async stop(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  /** Kills all workers at once. */
  kill(): void {
    for (const slot of this.#slots) slot.kill();
  }

  /** Collects a report of each worker, for the one that was asked. A worker that hangs is named instead. */
  async #collect(name: ReportName): Promise<Collected> {
    const all = await Promise.all(this.#slots.map((slot) => slot.collect(name)));
    return {
      answered: all.flatMap(({ answered }) => answered),
      silent: all.flatMap(({ silent }) => silent),
      former: all.flatMap(({ former }) => former),
    };
  }

  /** Workers share their port, so the system would let a second server listen on it as well. */
  async #assertFree(): Promise<void> {
    const { port, host = "127.0.0.1" } = this.#config;
    if (port === 0) return;
    const socket = connect({ port, host });
    try {
      await once(socket, "connect");
    } catch {
      return; // nothing listens there
    } finally {
      socket.destroy();
    }
    const { listenError } = await import("../../gateway/gateway.ts"); // here, so that a start without failure is fast
    throw listenError(Object.assign(new Error("address in use"), { code: "EADDRINUSE" }), port, host);
  }
}
