import type { Channel, Position } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import { Epochs } from "./epochs.ts";
import { History } from "./history.ts";
import { LruList } from "./lru-list.ts";

export interface HistoryLimits {
  /** Messages per channel. @default 1_000 */
  readonly count: number;
  /** Milliseconds. @default 604_800_000 // 7 days */
  readonly ageMs: number;
  /** Memory of all channels together, in bytes, as estimated. @default 268_435_456 // 256 MiB */
  readonly totalBytes: number;
}

/** Called when a channel's history was lost and continues after a position. */
type Lost = (channel: Channel, position: Position) => void;

/**
 * Histories of all channels, within limits. When they exceed the memory limit together, the least recently used are
 * evicted. Histories with an offset lose their messages first, one after another, and continue under a new epoch; then
 * histories without an offset are removed. The history in use is never evicted; when no other is left to evict, it
 * loses its own oldest messages.
 */
export class Histories {
  readonly #limits: HistoryLimits;
  readonly #now: () => number;
  readonly #lost: Lost;
  readonly #histories = new Map<Channel, History>();
  /** Histories that have given an offset under their epoch, least recently used first. */
  readonly #written = new LruList<History>();
  /** Histories that have given no offset under their epoch, least recently used first. */
  readonly #blank = new LruList<History>();
  readonly #epochs = new Epochs();
  #bytes = 0;
  /** Epoch of a removed history, preferably a former epoch: members may still hold a position under it. */
  #removedEpoch: string | undefined;

  constructor(limits: HistoryLimits, now: () => number, lost: Lost) {
    this.#limits = limits;
    this.#now = now;
    this.#lost = lost;
  }

  find(channel: Channel): History | undefined {
    return this.#histories.get(channel);
  }

  /** Opens or makes the history of a channel. Marks it as the most recently used, and expires its old messages. */
  open(channel: Channel): History {
    const history = this.#histories.get(channel) ?? this.#create(channel);
    this.#listOf(history).use(history);
    this.#expire(history);
    return history;
  }

  append(message: Message): StoredMessage {
    const history = this.open(message.channel);
    if (history.last === 0) {
      this.#blank.remove(history);
      this.#written.add(history);
    }
    const before = history.bytes;
    const stored = history.append(message);
    while (history.length > this.#limits.count) history.shift();
    this.#bytes += history.bytes - before;
    this.#fit(history);
    return stored;
  }

  setCursor(history: History, name: string, offset: number): void {
    const before = history.bytes;
    history.setCursor(name, offset);
    this.#bytes += history.bytes - before;
    this.#fit(history);
  }

  #create(channel: Channel): History {
    const history = new History(channel, this.#epochs.current);
    const mayHoldFormer = this.#removedEpoch !== undefined && this.#removedEpoch !== history.epoch;
    this.#histories.set(channel, history);
    this.#blank.add(history);
    this.#bytes += history.bytes;
    this.#fit(history);
    // Members may still hold a position of a history that was removed under another epoch.
    if (mayHoldFormer) this.#lost(channel, { epoch: history.epoch, offset: 0 });
    return history;
  }

  #listOf(history: History): LruList<History> {
    return history.last === 0 ? this.#blank : this.#written;
  }

  /**
   * Expires messages from the start only. After a clock was set back, an old message behind a newer one makes no hole.
   */
  #expire(history: History): void {
    let { oldest } = history;
    if (oldest === undefined) return;
    const before = history.bytes;
    const deadline = this.#now() - this.#limits.ageMs;
    while (oldest !== undefined && oldest.timestamp < deadline) {
      history.shift();
      oldest = history.oldest;
    }
    this.#bytes += history.bytes - before;
  }

  #fit(inUse: History): void {
    while (this.#bytes > this.#limits.totalBytes && this.#evict(inUse));
  }

  /** Takes one step towards the memory limit. @returns false when no step is left */
  #evict(inUse: History): boolean {
    const written = this.#written.oldestBut(inUse);
    if (written !== undefined) return this.#lose(written);
    if (inUse.length > 1) return this.#shorten(inUse);
    const blank = this.#blank.oldestBut(inUse);
    return blank !== undefined && this.#remove(blank);
  }

  #lose(history: History): true {
    const before = history.bytes;
    this.#written.remove(history);
    history.reset(this.#epochs.renew());
    this.#blank.add(history);
    this.#bytes += history.bytes - before;
    this.#lost(history.channel, { epoch: history.epoch, offset: 0 });
    return true;
  }

  #shorten(history: History): true {
    const before = history.bytes;
    history.shift();
    this.#bytes += history.bytes - before;
    return true;
  }

  #remove(history: History): true {
    this.#blank.remove(history);
    this.#histories.delete(history.channel);
    this.#bytes -= history.bytes;
    if (this.#removedEpoch === undefined || history.epoch !== this.#epochs.current)
      this.#removedEpoch = history.epoch;
    return true;
  }
}
