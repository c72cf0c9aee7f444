import type { Connection } from "./connection.ts";
import type { Shard } from "./shard.ts";

export interface HeartbeatOptions {
  /** How often each connection is pinged. */
  readonly intervalMs: number;
  /** Silence after which a connection is taken for dead. */
  readonly timeoutMs: number;
  /** How long a socket may take no bytes while some wait. */
  readonly writeTimeoutMs: number;
  /** False: no pings, only timeouts. */
  readonly ping: boolean;
  /** Shards looked at in one step. */
  readonly shardsPerStep: number;
}

/** Each connection is looked at this many times within the shortest of the three periods. */
const LOOKS_PER_PERIOD = 4;

/**
 * One timer for all connections. It walks the shards in steps; any byte received counts as life, and it is the
 * socket's own byte counter that tells, so receiving costs nothing.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #shards: readonly Shard[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #steppedAt = Date.now();
  /** When this node last came back from a sleep (a suspended machine, a blocked event loop) in which it heard nobody. */
  #awakeSince = 0;

  constructor(shards: readonly Shard[], options: HeartbeatOptions) {
    this.#shards = shards;
    this.#options = options;
    const steps = Math.ceil(shards.length / options.shardsPerStep);
    const period = Math.min(options.intervalMs, options.timeoutMs, options.writeTimeoutMs) / LOOKS_PER_PERIOD;
    // Timers come before reading in the event loop: what has arrived is to be read first.
    this.#timer = setInterval(() => setImmediate(this.#step), Math.max(1, period / steps));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  readonly #step = (): void => {
    const now = Date.now();
    if (now - this.#steppedAt >= this.#options.timeoutMs / 2) this.#awakeSince = now;
    this.#steppedAt = now;
    for (let count = 0; count < Math.min(this.#options.shardsPerStep, this.#shards.length); count++) {
      const shard = this.#shards[this.#next];
      this.#next = (this.#next + 1) % this.#shards.length;
      for (const connection of shard?.connections ?? []) this.#look(connection, now);
    }
  };

  #look(connection: Connection, now: number): void {
    const { isPaused, stream } = connection.transport;
    const { bytesRead } = stream;
    // Whoever is not read cannot be heard.
    if (bytesRead !== connection.bytesSeen || isPaused) {
      connection.bytesSeen = bytesRead;
      connection.heardAt = now;
    }
    const { timeoutMs, writeTimeoutMs, intervalMs, ping } = this.#options;
    const { stalledSince } = connection.outbox;
    const since = (moment: number): number => now - Math.max(moment, this.#awakeSince);
    if (stalledSince !== 0 && since(stalledSince) >= writeTimeoutMs) connection.close("slow");
    else if (since(connection.heardAt) >= timeoutMs) connection.close("timeout");
    else if (ping && now - connection.pingedAt >= intervalMs) connection.ping(now);
  }
}
