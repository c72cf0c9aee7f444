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
  /** When the last walk through each shard began. */
  readonly #walkedAt: number[];
  /**
   * When this node last woke from a suspended machine or a blocked event loop, or found itself too busy to ping in time. Earlier silence proves nothing.
   */
  #awakeSince = 0;

  /** @param lateMs for how long pings may have waited for their write */
  constructor(shards: readonly Shard[], options: HeartbeatOptions, lateMs: () => number) {
    this.#shards = shards;
    this.#lateMs = lateMs;
    this.#options = options;
    this.#walkedAt = shards.map(() => this.#lookedAt);
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
    this.#lookAgain(this.#lookedAt, now);
    this.#lookedAt = now;
    if (this.#lateMs() >= this.#options.timeoutMs / 4) this.#awakeSince = now;
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
      const index = this.#next;
      this.#next = (index + 1) % this.#shards.length;
      this.#lookAgain(this.#walkedAt[index] ?? 0, this.#lookedAt);
      this.#walkedAt[index] = this.#lookedAt;
      yield* this.#shards[index]?.connections ?? [];
    }
  }

  /** Forgets what was silent before a look that came too late. */
  #lookAgain(before: number, now: number): void {
    if (now - before >= this.#options.timeoutMs / 2) this.#awakeSince = now;
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
    const { stalledSince } = connection;
    const since = (moment: number): number => now - Math.max(moment, this.#awakeSince);
    if (stalledSince !== 0 && since(stalledSince) >= writeTimeoutMs) connection.close("slow");
    else if (since(connection.heardAt) >= timeoutMs) connection.close("timeout");
    else if (ping && now - connection.pingedAt >= intervalMs - this.#earlyMs) connection.ping(now);
  }
}
