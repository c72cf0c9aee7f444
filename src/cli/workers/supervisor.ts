import { once } from "node:events";
import { connect } from "node:net";
import { pino } from "pino";
import { type Config, nodeId } from "../../config/config.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import type { Ready } from "./worker.ts";
import { Place } from "./worker-slot.ts";

/** Several workers on one port, each a node of the cluster; one that ends is replaced. */
export class Supervisor {
  readonly #config: Config;
  readonly #places: readonly Place[];

  /** @throws TidingsError `bad_request` without Redis */
  constructor(config: Config, count: number) {
    if (config.redis === undefined) {
      throw new TidingsError(
        "bad_request",
        "--workers: several processes are several nodes, and those need Redis (set REDIS_URL)",
      );
    }
    this.#config = config;
    const log = pino({ level: config.logLevel });
    const node = nodeId(config);
    this.#places = Array.from(
      { length: count },
      (_, index) => new Place({ ...config, node: { ...config.node, id: `${node}-${index + 1}` } }, log),
    );
  }

  /**
   * Starts the first, which finds the port that all share, and then the others.
   * @returns where the first one listens
   * @throws TidingsError `unavailable` when the first one does not get that far: so would none
   */
  async start(): Promise<Ready> {
    const [first, ...others] = this.#places;
    if (first === undefined) throw new TidingsError("bad_request", "--workers: expected at least one");
    await this.#assertFree();
    const ready = await first.open(this.#config.port);
    first.keep(ready.port);
    for (const place of others) place.keep(ready.port);
    return ready;
  }

  /** Drains all workers; resolves when they are gone. */
  async stop(): Promise<void> {
    await Promise.all(this.#places.map((place) => place.stop()));
  }

  /** Ends all workers at once. */
  kill(): void {
    for (const place of this.#places) place.kill();
  }

  /** Sharing a port is what workers do, so the system would let a second server join in unnoticed. */
  async #assertFree(): Promise<void> {
    const { port, host = "127.0.0.1" } = this.#config;
    if (port === 0) return;
    const socket = connect({ port, host });
    try {
      await once(socket, "connect");
    } catch {
      return; // nobody answers
    } finally {
      socket.destroy();
    }
    throw new TidingsError("conflict", `listen EADDRINUSE: address already in use ${host}:${port}`);
  }
}
