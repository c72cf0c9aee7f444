import type { Connection } from "./connection.ts";
import type { Shard } from "./shard.ts";

export interface HeartbeatOptions {
  /** Interval between two pings of a connection. */
  readonly intervalMs: number;
  /** Silence after which a connection is closed as dead. */
  readonly timeoutMs: number;
  /** Time in which a busy socket may take no bytes, before its connection is closed. */
  readonly writeTimeoutMs: number;
  /** True: the timer that walks the shards pings. False: each connection has a timer of its own. */
  readonly ping: boolean;
  /** Shards checked in one step. */
  readonly shardsPerStep: number;
}

/** Checks of each connection within the shortest of the three periods. */
const CHECKS_PER_PERIOD = 4;

/** Connections checked in one turn of the event loop: with 100,000 a walk without turns would hold it up for some ten milliseconds. */
const CHECKS_PER_TURN = 4_096;

/**
 * Pings connections and closes dead ones, with one timer that walks the shards in steps. Any received byte counts as
 * life. The check reads the socket's own byte counter, so receiving costs nothing. Its clock is monotonic: a clock that is
 * set back would keep dead connections for as long.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #shards: readonly Shard[];
  readonly #lateMs: () => number;
  readonly #timer: NodeJS.Timeout;
  /** Timers of single connections, without `ping`. */
  readonly #timers = new Map<Connection, NodeJS.Timeout>();
  /** A ping is due by so much before its interval: at the next check it could be late by as much. */
  readonly #earlyMs: number;
  #next = 0;
  /** Connections of the present step that are not checked yet. */
  #unchecked: Iterator<Connection, void> | undefined;
  #lookedAt = performance.now();
  /**
   * When this node last woke from a suspended machine or a blocked event loop, or found itself too busy to ping in time. Earlier silence proves nothing.
   */
  #awakeSince = 0;

  /** @param lateMs for how long pings may have waited for their write */
  constructor(shards: readonly Shard[], options: HeartbeatOptions, lateMs: () => number) {
    this.#shards = shards;
    this.#lateMs = lateMs;
    this.#options = options;
    const steps = Math.ceil(shards.length / options.shardsPerStep);
    const period =
      Math.min(options.intervalMs, options.timeoutMs, options.writeTimeoutMs) / CHECKS_PER_PERIOD;
    this.#earlyMs = period / 2;
    // Timers run before reads in the event loop. `setImmediate` lets the loop read arrived bytes first.
    this.#timer = setInterval(() => setImmediate(() => this.#step()), Math.max(1, period / steps));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unchecked = undefined;
    for (const timer of this.#timers.values()) clearInterval(timer);
    this.#timers.clear();
  }

  /** Begins to watch a connection. The shards have those that one timer pings. */
  add(connection: Connection): void {
    if (this.#options.ping) return;
    const ping = (): void => connection.ping(performance.now());
    this.#timers.set(connection, setInterval(ping, this.#options.intervalMs).unref());
  }

  remove(connection: Connection): void {
    if (this.#timers.size === 0) return;
    clearInterval(this.#timers.get(connection));
    this.#timers.delete(connection);
  }

  /** Begins a step, unless the last one has not ended. */
  #step(): void {
    if (this.#unchecked !== undefined) return;
    this.#unchecked = this.#nextConnections();
    this.#checkSome();
  }

  /** Checks connections of the step in turns of the event loop. */
  readonly #checkSome = (): void => {
    const now = performance.now();
    const { timeoutMs } = this.#options;
    if (now - this.#lookedAt >= timeoutMs / 2 || this.#lateMs() >= timeoutMs / 4) this.#awakeSince = now;
    this.#lookedAt = now;
    for (let count = 0; count < CHECKS_PER_TURN; count++) {
      const connection = this.#unchecked?.next().value;
      if (connection === undefined) {
        this.#unchecked = undefined;
        return;
      }
      this.#check(connection, now);
    }
    setImmediate(this.#checkSome);
  };

  /** Connections of the next shards. */
  *#nextConnections(): Iterator<Connection, void> {
    for (let count = 0; count < Math.min(this.#options.shardsPerStep, this.#shards.length); count++) {
      const shard = this.#shards[this.#next];
      this.#next = (this.#next + 1) % this.#shards.length;
      yield* shard?.connections ?? [];
    }
  }

  #check(connection: Connection, now: number): void {
    const { isPaused, stream } = connection.transport;
    const { bytesRead } = stream;
    // The node does not read a paused connection, so its silence proves nothing.
    if (bytesRead !== connection.bytesSeen || isPaused) {
      connection.bytesSeen = bytesRead;
      connection.heardAt = now;
    }
    const { timeoutMs, writeTimeoutMs, intervalMs, ping } = this.#options;
    const { stalledSince, heardAt, pingedAt } = connection;
    const since = (moment: number): number => now - Math.max(moment, this.#awakeSince);
    // A walk that takes as long as the timeout comes to connections that it has not pinged since it heard of them.
    const isAsked = pingedAt > heardAt;
    if (stalledSince !== 0 && since(stalledSince) >= writeTimeoutMs) connection.close("slow");
    else if (isAsked && since(heardAt) >= timeoutMs) connection.close("timeout");
    else if (ping && now - pingedAt >= intervalMs - this.#earlyMs) connection.ping(now);
  }
}
