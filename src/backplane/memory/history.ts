import type { Channel } from "../../protocol/protocol.ts";
import { type Message, PlacedMessage, type StoredMessage } from "../message.ts";
import type { Retained } from "../retention/retention.ts";
import type { Linked, Shelf } from "./lru-list.ts";

/** Bytes of a history, a message, a channel's cursors and a cursor besides their text: measured on V8, rounded up. */
const HISTORY_BYTES = 256;
const MESSAGE_BYTES = 240;
const CURSORS_BYTES = 256;
const CURSOR_BYTES = 128;

type Slots = (StoredMessage | undefined)[];

/** Shared by all histories without a message, so that an idle user's history costs next to nothing. */
const NO_SLOTS: Slots = [];

/** Position that a device has acknowledged. The epoch may be a former one, whose messages are lost. */
export interface DeviceCursor {
  readonly device: string;
  readonly epoch: string;
  readonly offset: number;
}

/** Cursors of one channel. They outlive its history, so that a device learns of a loss when it comes back. */
export class ChannelCursors {
  /** Estimated memory, in bytes. */
  bytes = CURSORS_BYTES;
  /** Devices of each user, the one that acknowledged last at the end. */
  readonly #users = new Map<string, DeviceCursor[]>();

  find(user: string, device: string): DeviceCursor | undefined {
    return this.#users.get(user)?.find((cursor) => cursor.device === device);
  }

  /** Number of devices of a user that have a cursor. */
  count(user: string): number {
    return this.#users.get(user)?.length ?? 0;
  }

  /** Sets a cursor. Beyond `limit` devices of the user, the one that acknowledged longest ago is dropped. */
  set(user: string, cursor: DeviceCursor, limit: number): void {
    const others = this.#users.get(user) ?? [];
    const kept = [...others.filter(({ device }) => device !== cursor.device), cursor].slice(-limit);
    this.bytes += sizeOfCursors(user, kept) - sizeOfCursors(user, others);
    this.#users.set(user, kept);
  }
}

const sizeOfCursors = (user: string, cursors: readonly DeviceCursor[]): number =>
  cursors.reduce((bytes, { device }) => bytes + CURSOR_BYTES + device.length + user.length, 0);

/**
 * History of one channel, a ring of slots. The message with a given offset is in the slot `offset mod capacity`, and
 * the capacity is a power of two, so that neither the end nor the start ever moves another message.
 */
export class History implements Linked<History> {
  readonly channel: Channel;
  readonly retained: Retained;
  epoch: string;
  /** The lowest offset retained; `last + 1` when there is none. */
  first = 1;
  /** The highest offset ever given under this epoch; 0 when there was none. */
  last = 0;
  /** Estimated memory of the messages, in bytes. */
  messageBytes = 0;
  /** Cursors of this epoch and of former ones. */
  cursors: ChannelCursors | undefined;
  /** When messages were lost, in milliseconds since 1970; 0: never. */
  lostAt = 0;
  /** The shelf that the history is on, and the bytes that are counted there. */
  shelf: Shelf<History> | undefined;
  countedBytes = 0;
  older: History | undefined;
  newer: History | undefined;
  #slots: Slots = NO_SLOTS;

  constructor(channel: Channel, epoch: string, retained: Retained) {
    this.channel = channel;
    this.retained = retained;
    this.epoch = epoch;
  }

  /** Estimated memory of the history, in bytes. */
  get bytes(): number {
    return HISTORY_BYTES + this.messageBytes + (this.cursors?.bytes ?? 0);
  }

  get length(): number {
    return this.last - this.first + 1;
  }

  get oldest(): StoredMessage | undefined {
    return this.#slots[this.#slot(this.first)];
  }

  /** Gives the message the next offset. */
  append(message: Message): StoredMessage {
    if (this.length === this.#slots.length) this.#grow();
    const stored = new PlacedMessage(message, this.epoch, ++this.last);
    this.#slots[this.#slot(stored.offset)] = stored;
    this.messageBytes += sizeOf(stored);
    return stored;
  }

  /** The message with an offset; undefined when it is not retained. */
  at(offset: number): StoredMessage | undefined {
    return offset >= this.first && offset <= this.last ? this.#slots[this.#slot(offset)] : undefined;
  }

  /** Puts a message in the place of the one with its offset, which is retained. */
  replace(message: StoredMessage): void {
    const former = this.at(message.offset);
    if (former === undefined) return;
    this.#slots[this.#slot(message.offset)] = message;
    this.messageBytes += sizeOf(message) - sizeOf(former);
  }

  /** Drops the oldest message. */
  shift(): void {
    const oldest = this.oldest;
    if (oldest === undefined) return;
    this.#slots[this.#slot(this.first++)] = undefined;
    this.messageBytes -= sizeOf(oldest);
    if (this.first > this.last) this.#slots = NO_SLOTS;
  }

  /** Loses all messages and starts again under another epoch. The cursors stay: they tell their devices of the loss. */
  reset(epoch: string, now: number): void {
    this.epoch = epoch;
    this.first = 1;
    this.last = 0;
    this.messageBytes = 0;
    this.lostAt = now;
    this.#slots = NO_SLOTS;
  }

  /** @param limit devices of a user that have a cursor, at most */
  setCursor(user: string, cursor: DeviceCursor, limit: number): void {
    this.cursors ??= new ChannelCursors();
    this.cursors.set(user, cursor, limit);
  }

  /** Up to `limit` messages above an offset. They end early at `bytes`; the first one always fits. */
  after(offset: number, limit: number, bytes: number): StoredMessage[] {
    const from = Math.max(offset + 1, this.first);
    return fitting(this.#range(from, Math.min(from + limit - 1, this.last)), bytes);
  }

  /** The lowest offset whose message is not older than a time; `last + 1` when all are. */
  firstSince(time: number): number {
    let [from, to] = [this.first, this.last + 1];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const message = this.#slots[this.#slot(middle)];
      if (message !== undefined && message.timestamp < time) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The newest `limit` messages below an offset. They end early at `bytes`; the newest one always fits. */
  before(offset: number, limit: number, bytes: number): StoredMessage[] {
    const to = Math.min(offset - 1, this.last);
    const newestFirst = this.#range(Math.max(to - limit + 1, this.first), to).reverse();
    return fitting(newestFirst, bytes).reverse();
  }

  #range(from: number, to: number): StoredMessage[] {
    const messages: StoredMessage[] = [];
    for (let offset = from; offset <= to; offset++) {
      const message = this.#slots[this.#slot(offset)];
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  #slot(offset: number): number {
    return offset & (this.#slots.length - 1);
  }

  #grow(): void {
    const grown: Slots = new Array(Math.max(4, this.#slots.length * 2)).fill(undefined);
    for (const message of this.#range(this.first, this.last))
      grown[message.offset & (grown.length - 1)] = message;
    this.#slots = grown;
  }
}

/** The first messages whose sizes fit into a number of bytes; at least one. */
function fitting(messages: StoredMessage[], bytes: number): StoredMessage[] {
  let size = 0;
  const end = messages.findIndex((message) => {
    size += sizeOf(message);
    return size > bytes;
  });
  return end === -1 ? messages : messages.slice(0, Math.max(1, end));
}

const sizeOf = ({ body }: Message): number => MESSAGE_BYTES + body.length;
