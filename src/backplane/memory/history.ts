import type { Channel } from "../../protocol/protocol.ts";
import type { Message, StoredMessage } from "../message.ts";
import type { Linked } from "./lru-list.ts";

/** Bytes of a history, a message, a map of cursors and a cursor besides their text: measured on V8, rounded up. */
const HISTORY_BYTES = 256;
const MESSAGE_BYTES = 240;
const CURSORS_BYTES = 256;
const CURSOR_BYTES = 96;

type Slots = (StoredMessage | undefined)[];

/** Shared by all histories without a message, so that an idle user's history costs next to nothing. */
const NO_SLOTS: Slots = [];

/**
 * History of one channel, a ring of slots. The message with a given offset is in the slot `offset mod capacity`, and
 * the capacity is a power of two, so that neither the end nor the start ever moves another message.
 */
export class History implements Linked<History> {
  readonly channel: Channel;
  epoch: string;
  /** The lowest offset retained; `last + 1` when there is none. */
  first = 1;
  /** The highest offset ever given under this epoch; 0 when there was none. */
  last = 0;
  /** Estimated memory of the history, in bytes. */
  bytes = HISTORY_BYTES;
  /** Last acknowledged offsets, by user and device. */
  cursors: Map<string, number> | undefined;
  older: History | undefined;
  newer: History | undefined;
  #slots: Slots = NO_SLOTS;

  constructor(channel: Channel, epoch: string) {
    this.channel = channel;
    this.epoch = epoch;
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
    const stored = { ...message, epoch: this.epoch, offset: ++this.last };
    this.#slots[this.#slot(stored.offset)] = stored;
    this.bytes += sizeOf(stored);
    return stored;
  }

  /** Drops the oldest message. */
  shift(): void {
    const oldest = this.oldest;
    if (oldest === undefined) return;
    this.#slots[this.#slot(this.first++)] = undefined;
    this.bytes -= sizeOf(oldest);
    if (this.first > this.last) this.#slots = NO_SLOTS;
  }

  /** Loses everything and starts again under another epoch. */
  reset(epoch: string): void {
    this.epoch = epoch;
    this.first = 1;
    this.last = 0;
    this.bytes = HISTORY_BYTES;
    this.cursors = undefined;
    this.#slots = NO_SLOTS;
  }

  setCursor(name: string, offset: number): void {
    if (this.cursors === undefined) {
      this.cursors = new Map();
      this.bytes += CURSORS_BYTES;
    }
    if (!this.cursors.has(name)) this.bytes += CURSOR_BYTES + name.length;
    this.cursors.set(name, offset);
  }

  /** Up to `limit` messages above an offset. */
  after(offset: number, limit: number): StoredMessage[] {
    const from = Math.max(offset + 1, this.first);
    return this.#range(from, Math.min(from + limit - 1, this.last));
  }

  /** The newest `limit` messages below an offset. */
  before(offset: number, limit: number): StoredMessage[] {
    const to = Math.min(offset - 1, this.last);
    return this.#range(Math.max(to - limit + 1, this.first), to);
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

const sizeOf = ({ body }: Message): number => MESSAGE_BYTES + body.length;
