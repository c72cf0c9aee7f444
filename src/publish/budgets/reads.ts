import { setTimeout as sleep } from "node:timers/promises";
import type { Broker, HistoryPage, HistoryQuery } from "../../backplane/backplane.ts";
import type { Connection } from "../../local/local.ts";
import { type Channel, Semaphore, TidingsError } from "../../protocol/protocol.ts";
import { Rates } from "./rates.ts";

/** Reads in flight for one connection. Two keep the store busy while an answer travels. */
const PER_CONNECTION = 2;
/** Reads in flight for the application, whose calls share one lane. */
const FOR_APPLICATION = 8;
/** Reads in flight for the node: few, because each delays the commands of everyone else in the store. */
const PER_NODE = 16;
/** Reads that wait on the node, from which on a request for another one is refused. */
const MAX_WAITING = 1_000;

/** Bytes that a user reads from histories on this node in a millisecond (8 MiB/s), and time that it may use up in advance. */
const BYTES_PER_MS = 8_389;
const BURST_MS = 125;

/** Bytes of a page, or unsent bytes of a connection, that delay no further read. */
const SMALL = 16_384;

/** Name of the application as a reader. */
export const APPLICATION = "application";

/** Reader of a history: a connection, or the application with its HTTP API. */
export type Reader = Connection | typeof APPLICATION;

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
  /** Lanes of the readers that read or wait. */
  readonly #lanes = new Map<Reader, Semaphore>();

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

  /** @throws TidingsError `unavailable` for a connection that has closed, and without the backplane */
  async read(reader: Reader, channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    const lane = this.#laneOf(reader);
    await lane.acquire();
    let isLarge = false;
    try {
      if (reader !== APPLICATION) await this.#mayRead(reader);
      const page = await this.#readNow(channel, query);
      const size = sizeOf(page);
      isLarge = size > SMALL;
      if (isLarge && reader !== APPLICATION) this.#rates.charge(reader.user, size, performance.now());
      return page;
    } finally {
      // A large page delays the next read until it is in the send queue: before, the connection would look drained.
      if (isLarge) setImmediate(() => this.#leave(reader, lane));
      else this.#leave(reader, lane);
    }
  }

  /** Waits until the connection has sent its queue, and its user has time left. */
  async #mayRead(connection: Connection): Promise<void> {
    // A few frames of this tick do not count: a login with many channels would wait a tick for each.
    if (connection.stalledSince !== 0 || connection.pendingBytes > SMALL) await connection.whenDrained();
    const waitMs = this.#rates.usedBy(connection.user, performance.now()) - BURST_MS;
    if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
    if (connection.state !== "open") throw new TidingsError("unavailable", "the connection is closed");
  }

  async #readNow(channel: Channel, query: HistoryQuery): Promise<HistoryPage> {
    await this.#places.acquire();
    try {
      return await this.#broker.history(channel, query);
    } finally {
      this.#places.release();
    }
  }

  #laneOf(reader: Reader): Semaphore {
    const known = this.#lanes.get(reader);
    if (known !== undefined) return known;
    const lane = new Semaphore(reader === APPLICATION ? FOR_APPLICATION : PER_CONNECTION);
    this.#lanes.set(reader, lane);
    return lane;
  }

  #leave(reader: Reader, lane: Semaphore): void {
    lane.release();
    if (lane.isIdle) this.#lanes.delete(reader);
  }
}

const sizeOf = ({ messages }: HistoryPage): number =>
  messages.reduce((size, { body }) => size + body.length, 0);
