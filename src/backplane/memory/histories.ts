import type { Channel, Position } from "../../protocol/protocol.ts";
import {
  changed,
  type Message,
  type MessageEdit,
  messageGone,
  type StoredMessage,
  withdrawn,
} from "../message.ts";
import { Retention, type RetentionRules } from "../retention/retention.ts";
import { Epochs } from "./epochs.ts";
import { History } from "./history.ts";
import { Shelves } from "./shelves.ts";

export interface HistoryLimits {
  /** Messages per channel. @default 1_000 */
  readonly count: number;
  /** Milliseconds. @default 604_800_000 // 7 days */
  readonly ageMs: number;
  /** Memory of all channels together, in bytes, as estimated. @default 268_435_456 // 256 MiB */
  readonly totalBytes: number;
  /** Memory of the messages of one channel, in bytes. @default 16_777_216 // 16 MiB */
  readonly channelBytes?: number;
  /** Retention of some channels. @default as that of all others */
  readonly channels?: RetentionRules;
  /** Bytes at which a page ends early. @default 262_144 // 256 KiB */
  readonly pageBytes?: number;
  /** Devices of a user whose cursors a channel keeps. @default 32 */
  readonly devicesPerUser?: number;
}

const DEFAULTS = { channels: {}, channelBytes: 16_777_216, pageBytes: 262_144, devicesPerUser: 32 };

/** Called when a channel's history was lost and continues after a position. */
type Lost = (channel: Channel, position: Position) => void;

/** Under pressure, histories without an offset have at most this part of the memory. */
const BLANK_SHARE = 1 / 2;
/** Under pressure, histories under 1 KiB have at most this part of the memory. */
const LIGHT_SHARE = 1 / 4;

/**
 * Histories of all channels, within limits. When they exceed the memory limit together, the heaviest gives way: a
 * channel that grows loses its own oldest messages, any other one loses its history and continues under a new epoch.
 * Many small or blank histories give way among themselves, so that a flood of them pushes nobody else out.
 */
export class Histories {
  readonly #limits: Required<HistoryLimits>;
  readonly #retention: Retention;
  readonly #now: () => number;
  readonly #lost: Lost;
  readonly #histories = new Map<Channel, History>();
  readonly #shelves = new Shelves();
  readonly #epochs = new Epochs();
  /** Epoch of a removed history, preferably a former epoch: members may still hold a position under it. */
  #removedEpoch: string | undefined;
  /** True after the removal of a history with cursors or a recent loss: a new history cannot tell that it is new. */
  #hasForgotten = false;

  constructor(limits: HistoryLimits, now: () => number, lost: Lost) {
    const given = Object.entries(limits).filter(([, value]) => value !== undefined);
    this.#limits = { ...DEFAULTS, ...limits, ...Object.fromEntries(given) };
    const { count, ageMs, channelBytes: bytes, channels } = this.#limits;
    this.#retention = new Retention({ count, ageMs, bytes }, channels);
    this.#now = now;
    this.#lost = lost;
  }

  get pageBytes(): number {
    return this.#limits.pageBytes;
  }

  get devicesPerUser(): number {
    return this.#limits.devicesPerUser;
  }

  find(channel: Channel): History | undefined {
    return this.#histories.get(channel);
  }

  /** Opens or makes the history of a channel. Marks it as the most recently used, and expires its old messages. */
  open(channel: Channel): History {
    const history = this.#histories.get(channel) ?? this.#create(channel);
    this.#expire(history);
    this.#shelves.put(history);
    return history;
  }

  append(message: Message): StoredMessage {
    const history = this.open(message.channel);
    const { count, bytes } = history.retained;
    const stored = history.append(message);
    while (history.length > count) history.shift();
    while (history.messageBytes > bytes && history.length > 1) history.shift();
    this.#fit(history);
    return stored;
  }

  /** Changes a message where it lies, and appends the notice of it. @throws TidingsError `not_found` */
  edit({ notice, epoch, offset, id, body }: MessageEdit): StoredMessage {
    const history = this.open(notice.channel);
    const message = history.epoch === epoch ? history.at(offset) : undefined;
    if (message?.id !== id || message.change?.deleted) throw messageGone(notice.channel, offset);
    const former = message.change && history.at(message.change.notice);
    if (former !== undefined) history.replace(withdrawn(former));
    const change = { at: notice.timestamp, notice: history.last + 1, deleted: body === null };
    history.replace(changed(message, body, change));
    return this.append(notice);
  }

  setCursor(history: History, user: string, device: string, offset: number): void {
    history.setCursor(user, { device, epoch: history.epoch, offset }, this.#limits.devicesPerUser);
    this.#fit(history);
  }

  /** True if messages were lost that retention would still have. */
  hasLost(history: History): boolean {
    return history.lostAt > this.#now() - history.retained.ageMs;
  }

  #create(channel: Channel): History {
    const history = new History(channel, this.#epochs.current, this.#retention.of(channel));
    const mayHoldFormer = this.#removedEpoch !== undefined && this.#removedEpoch !== history.epoch;
    if (this.#hasForgotten) history.lostAt = this.#now();
    this.#histories.set(channel, history);
    this.#fit(history);
    // Members may still hold a position of a history that was removed under another epoch.
    if (mayHoldFormer) this.#lost(channel, { epoch: history.epoch, offset: 0 });
    return history;
  }

  /**
   * Expires messages from the start only. After a clock was set back, an old message behind a newer one makes no hole.
   */
  #expire(history: History): void {
    const deadline = this.#now() - history.retained.ageMs;
    let { oldest } = history;
    while (oldest !== undefined && oldest.timestamp < deadline) {
      history.shift();
      oldest = history.oldest;
    }
  }

  /** Counts a history that has changed, and gives up others until all fit. */
  #fit(inUse: History): void {
    this.#shelves.put(inUse);
    while (this.#shelves.bytes > this.#limits.totalBytes && this.#evict(inUse));
  }

  /** Takes one step towards the memory limit. @returns false when no step is left */
  #evict(inUse: History): boolean {
    const { totalBytes } = this.#limits;
    const { blank, light } = this.#shelves;
    const oldestBlank = blank.list.oldestBut(inUse);
    if (oldestBlank !== undefined && blank.bytes > totalBytes * BLANK_SHARE) return this.#remove(oldestBlank);
    const oldestLight = light.list.oldestBut(inUse);
    if (oldestLight !== undefined && light.bytes > totalBytes * LIGHT_SHARE) return this.#lose(oldestLight);
    for (const shelf of this.#shelves.byWeight()) {
      if (inUse.shelf === shelf && inUse.length > 1) return this.#shorten(inUse);
      const heaviest = shelf.list.oldestBut(inUse);
      if (heaviest !== undefined) return this.#lose(heaviest);
    }
    // When the message in use does not fit alone, the removal of blank histories would not help.
    return oldestBlank !== undefined && inUse.bytes < totalBytes && this.#remove(oldestBlank);
  }

  #lose(history: History): true {
    history.reset(this.#epochs.renew(), this.#now());
    this.#shelves.put(history);
    this.#lost(history.channel, { epoch: history.epoch, offset: 0 });
    return true;
  }

  #shorten(history: History): true {
    history.shift();
    this.#shelves.put(history);
    return true;
  }

  #remove(history: History): true {
    this.#shelves.remove(history);
    this.#histories.delete(history.channel);
    if (history.cursors !== undefined || this.hasLost(history)) this.#hasForgotten = true;
    if (this.#removedEpoch === undefined || history.epoch !== this.#epochs.current)
      this.#removedEpoch = history.epoch;
    return true;
  }
}
