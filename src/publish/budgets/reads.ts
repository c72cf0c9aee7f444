import { setTimeout as sleep } from "node:timers/promises";
import type { Broker, HistoryPage, HistoryQuery } from "../../backplane/backplane.ts";
import type { Connection } from "../../local/local.ts";
import { type Channel, Semaphore, TidingsError } from "../../protocol/protocol.ts";
import { Rates } from "./rates.ts";

/** Reads in flight for one connection, and for all connections of a user. Two keep the store busy while an answer travels. */
const PER_CONNECTION = 2;
const PER_USER = 2;
/** Reads in flight for the application, whose calls share one lane, and for all listeners. */
const FOR_APPLICATION = 8;
/** Reads in flight for the node: few, because each delays the commands of everyone else in the store. */
const PER_NODE = 16;
/** Reads that wait on the node, from which on a request for another one is refused. */
const MAX_WAITING = 1_000;

/** Bytes that a user reads from histories on this node in a millisecond (1 MiB/s), and time that it may use up in advance. */
const BYTES_PER_MS = 1_049;
const BURST_MS = 8_000;

/** Delayed reads of one user by the application: each may hold a request that has a deadline. */
const MAX_DELAYED = 8;

/** Bytes of a page, or unsent bytes of a connection, that delay no further read. */
const SMALL = 16_384;

/** Name of the application as a reader. */
export const APPLICATION = "application";

/** Name of all listeners as a reader: they must not delay the application. */
export const LISTENERS = "listeners";

/** A user for whom the application reads: a request over HTTP has no connection. */
export class UserReader {
  readonly user: string;

  constructor(user: string) {
    this.user = user;
  }
}

/** Readers that wait in lanes of their own. */
type LaneReader = Connection | typeof APPLICATION | typeof LISTENERS;

/** Reader of a history: a connection, a user for whom the application reads, the application itself with its HTTP API, or the listeners. */
export type Reader = LaneReader | UserReader;

/**
 * Reads of histories that clients cause, a few at a time. Readers take turns: a reader waits in its own lane, and only
 * the heads of the lanes wait for a place of the node. A connection reads nothing while it has unsent bytes, so that a
 * client which does not read cannot fill the memory with pages. What a user reads in large pages is paced: each of them
 * keeps the store and the event loop from other work for milliseconds.
 */
export class HistoryReads {
  readonly #broker: Broker;
  readonly #places = new Semaphore(PER_NODE);
  readonly #rates = new Rates(BYTES_PER_MS);
  readonly #readers = new Lanes<LaneReader>((reader) =>
    typeof reader === "string" ? FOR_APPLICATION : PER_CONNECTION,
  );
  readonly #users = new Lanes<string>(() => PER_USER);

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /**
   * Refuses a request that would begin to read while too many reads wait. A replay that has begun is never refused.
   * @throws TidingsError `unavailable`
   */
  assertRoom(): void {
    if (this.#places.waiting < MAX_WAITING) return;
    throw new TidingsError("unavailable", "this node reads too many histories now: try again");
  }

  /**
   * @throws TidingsError `unavailable` for a connection that has closed, and without the backplane; `rate_limited` for a user for whom the
   * application reads too much
   */
  async read(reader: Reader, channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    if (reader instanceof UserReader) return this.#readPaced(reader, channel, query);
    await this.#readers.enter(reader);
    let isLarge = false;
    try {
      if (typeof reader === "string") return await this.#readNow(channel, query);
      await drained(reader);
      const page = await this.#readPaced(reader, channel, query);
      isLarge = sizeOf(page) > SMALL;
      return page;
    } finally {
      // A large page delays the next read until it is in the send queue: before, the connection would look drained.
      if (isLarge) setImmediate(() => this.#readers.leave(reader));
      else this.#readers.leave(reader);
    }
  }

  /** Reads when the user has time left, whatever the number of the user's connections. */
  async #readPaced(
    reader: Connection | UserReader,
    channel: Channel,
    query: HistoryQuery,
  ): Promise<HistoryPage> {
    const { user } = reader;
    const isConnection = !(reader instanceof UserReader);
    if (!isConnection) this.#assertFewDelayed(user);
    await this.#users.enter(user);
    try {
      // Those before it may have used up the time.
      if (!isConnection) this.#assertFewDelayed(user);
      const waitMs = this.#delayOf(user);
      if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
      if (isConnection && reader.state !== "open")
        throw new TidingsError("unavailable", "the connection is closed");
      const page = await this.#readNow(channel, query);
      const size = sizeOf(page);
      if (size > SMALL) this.#rates.charge(user, size, performance.now());
      return page;
    } finally {
      this.#users.leave(user);
    }
  }

  /** @throws TidingsError `rate_limited` for a user who has used up the time, and has others that wait */
  #assertFewDelayed(user: string): void {
    const retryAfterMs = Math.ceil(this.#delayOf(user));
    if (retryAfterMs <= 0 || this.#users.waitingIn(user) < MAX_DELAYED) return;
    throw new TidingsError("rate_limited", `${user} reads too much: try again later`, { retryAfterMs });
  }

  /** Milliseconds until the user has time left; 0 or less: now. */
  #delayOf(user: string): number {
    return this.#rates.usedBy(user, performance.now()) - BURST_MS;
  }

  async #readNow(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    await this.#places.acquire();
    try {
      return await this.#broker.history(channel, query);
    } finally {
      this.#places.release();
    }
  }
}

/** Resolves when a connection has sent its queue. */
async function drained(connection: Connection): Promise<void> {
  // A few frames of this tick do not count: a login with many channels would wait a tick for each.
  if (connection.stalledSince !== 0 || connection.pendingBytes > SMALL) await connection.whenDrained();
}

/** A semaphore for each key that is in use. */
class Lanes<Key> {
  readonly #limitOf: (key: Key) => number;
  readonly #lanes = new Map<Key, Semaphore>();

  constructor(limitOf: (key: Key) => number) {
    this.#limitOf = limitOf;
  }

  enter(key: Key): Promise<void> | undefined {
    const lane = this.#lanes.get(key) ?? new Semaphore(this.#limitOf(key));
    this.#lanes.set(key, lane);
    return lane.acquire();
  }

  waitingIn(key: Key): number {
    return this.#lanes.get(key)?.waiting ?? 0;
  }

  leave(key: Key): void {
    const lane = this.#lanes.get(key);
    lane?.release();
    if (lane?.isIdle) this.#lanes.delete(key);
  }
}

const sizeOf = ({ messages }: HistoryPage): number =>
  messages.reduce((size, { body }) => size + body.length, 0);
