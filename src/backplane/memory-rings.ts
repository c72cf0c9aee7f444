import type { Channel, Position } from "../protocol/protocol.ts";
import { Epochs } from "./memory-epochs.ts";
import { RecencyList } from "./memory-recency.ts";
import { Ring } from "./memory-ring.ts";
import type { Message, StoredMessage } from "./message.ts";

export interface HistoryLimits {
  /** Messages per channel. @default 1_000 */
  readonly count: number;
  /** Milliseconds. @default 604_800_000 // 7 days */
  readonly ageMs: number;
  /** Memory of all channels together, in bytes, as estimated. @default 268_435_456 // 256 MiB */
  readonly totalBytes: number;
}

/** Is told that a channel's history was lost and goes on from a position. */
type Lost = (channel: Channel, position: Position) => void;

/**
 * The rings of all channels, within limits. When they take too much memory together, the least recently used give
 * way: first histories are lost, one after another, each going on under a new epoch; then rings without an offset are
 * forgotten. The ring in use stays; when no other history is left, its own oldest messages go.
 */
export class Rings {
  readonly #limits: HistoryLimits;
  readonly #now: () => number;
  readonly #lost: Lost;
  readonly #rings = new Map<Channel, Ring>();
  /** Rings that have given an offset under their epoch. */
  readonly #written = new RecencyList<Ring>();
  /** Rings that have not. */
  readonly #blank = new RecencyList<Ring>();
  readonly #epochs = new Epochs();
  #bytes = 0;
  /** An epoch under which a ring was forgotten, a former one if there was any: members may still hold it. */
  #forgotten: string | undefined;

  constructor(limits: HistoryLimits, now: () => number, lost: Lost) {
    this.#limits = limits;
    this.#now = now;
    this.#lost = lost;
  }

  find(channel: Channel): Ring | undefined {
    return this.#rings.get(channel);
  }

  /** The ring of a channel, made when there is none, without what is over its age, as the one used last. */
  open(channel: Channel): Ring {
    const ring = this.#rings.get(channel) ?? this.#create(channel);
    this.#listOf(ring).use(ring);
    this.#expire(ring);
    return ring;
  }

  append(message: Message): StoredMessage {
    const ring = this.open(message.channel);
    if (ring.last === 0) {
      this.#blank.remove(ring);
      this.#written.add(ring);
    }
    const before = ring.bytes;
    const stored = ring.append(message);
    while (ring.length > this.#limits.count) ring.shift();
    this.#bytes += ring.bytes - before;
    this.#fit(ring);
    return stored;
  }

  setCursor(ring: Ring, name: string, offset: number): void {
    const before = ring.bytes;
    ring.setCursor(name, offset);
    this.#bytes += ring.bytes - before;
    this.#fit(ring);
  }

  #create(channel: Channel): Ring {
    const ring = new Ring(channel, this.#epochs.current);
    const mayReturn = this.#forgotten !== undefined && this.#forgotten !== ring.epoch;
    this.#rings.set(channel, ring);
    this.#blank.add(ring);
    this.#bytes += ring.bytes;
    this.#fit(ring);
    // Members may still hold the position of a ring that was forgotten under another epoch.
    if (mayReturn) this.#lost(channel, { epoch: ring.epoch, offset: 0 });
    return ring;
  }

  #listOf(ring: Ring): RecencyList<Ring> {
    return ring.last === 0 ? this.#blank : this.#written;
  }

  /**
   * A message is as old as the youngest before it: when a clock was set back, the older timestamp behind it must
   * not make a hole.
   */
  #expire(ring: Ring): void {
    let { oldest } = ring;
    if (oldest === undefined) return;
    const before = ring.bytes;
    const deadline = this.#now() - this.#limits.ageMs;
    while (oldest !== undefined && oldest.timestamp < deadline) {
      ring.shift();
      oldest = ring.oldest;
    }
    this.#bytes += ring.bytes - before;
  }

  #fit(inUse: Ring): void {
    while (this.#bytes > this.#limits.totalBytes && this.#giveWay(inUse));
  }

  /** One step towards the bound. @returns false when there is none left */
  #giveWay(inUse: Ring): boolean {
    const written = this.#written.oldestBut(inUse);
    if (written !== undefined) return this.#lose(written);
    if (inUse.length > 1) return this.#shorten(inUse);
    const blank = this.#blank.oldestBut(inUse);
    return blank !== undefined && this.#forget(blank);
  }

  #lose(ring: Ring): true {
    const before = ring.bytes;
    this.#written.remove(ring);
    ring.reset(this.#epochs.renew());
    this.#blank.add(ring);
    this.#bytes += ring.bytes - before;
    this.#lost(ring.channel, { epoch: ring.epoch, offset: 0 });
    return true;
  }

  #shorten(ring: Ring): true {
    const before = ring.bytes;
    ring.shift();
    this.#bytes += ring.bytes - before;
    return true;
  }

  #forget(ring: Ring): true {
    this.#blank.remove(ring);
    this.#rings.delete(ring.channel);
    this.#bytes -= ring.bytes;
    if (this.#forgotten === undefined || ring.epoch !== this.#epochs.current) this.#forgotten = ring.epoch;
    return true;
  }
}
