import type { Channel } from "../../protocol/protocol.ts";
import type { StoredMessage } from "../message.ts";
import { channelsOf, decodeStored } from "./entry.ts";
import { ENTRY, FIELD } from "./line.ts";

/** Fields that a line `U` opens with: kind, name, number of messages. */
const FIELDS = 3;
/** Offsets come within a round trip. After so long it is asked what has become of the messages. */
const OVERDUE_MS = 1_000;

/** Messages of one text that have come in without their offsets. */
interface Text {
  readonly line: string;
  /** They are counted as they come in. */
  readonly number: number;
  /** Messages of other texts that come after some of these. */
  readonly held: StoredMessage[];
  readonly timer: NodeJS.Timeout;
}

/** Stored messages that wait for their offsets, which their sender learns from Redis and sends after them. They are in their histories already. */
export class Unplaced {
  readonly #onOverdue: (channels: ReadonlySet<Channel>, held: StoredMessage[]) => void;
  readonly #texts = new Map<string, Text>();
  /** How many texts had come in when a message did that is held. None that came later holds anything that is before it. */
  readonly #before = new WeakMap<StoredMessage, number>();
  #count = 0;

  /** @param onOverdue is told which channels have messages whose offsets have not come in time, and what has come of them meanwhile */
  constructor(onOverdue: (channels: ReadonlySet<Channel>, held: StoredMessage[]) => void) {
    this.#onOverdue = onOverdue;
  }

  /** @returns how many messages the line holds */
  add(line: string): number {
    const [, name = "", number] = line.split(FIELD, FIELDS);
    const timer = setTimeout(() => this.#overdue(name), OVERDUE_MS).unref();
    this.#texts.set(name, { line, number: ++this.#count, held: [], timer });
    return Number(number);
  }

  /**
   * The offsets of a text have come in.
   * @returns its messages and those that were held for them, each channel's in its order. None for a text that is overdue, or came while this
   * node was away: its messages have been looked for in their histories
   */
  place(name: string, lengths: readonly string[]): StoredMessage[] {
    const text = this.#texts.get(name);
    if (text === undefined) return [];
    clearTimeout(text.timer);
    this.#texts.delete(name);
    return [...decodeStored(text.line, FIELDS, lengths), ...inOrder(text.held)];
  }

  /** Keeps a message that has come too early until others of its channel have theirs. @returns whether there are any to wait for */
  hold(message: StoredMessage): boolean {
    if (this.#texts.size === 0) return false;
    const before = this.#before.get(message) ?? this.#count;
    for (const { line, number, held } of this.#texts.values()) {
      if (number > before || !hasChannel(line, message.channel)) continue;
      this.#before.set(message, before);
      held.push(message);
      return true;
    }
    return false;
  }

  #overdue(name: string): void {
    const text = this.#texts.get(name);
    if (text === undefined) return;
    this.#texts.delete(name);
    this.#onOverdue(channelsOf(text.line, FIELDS), inOrder(text.held));
  }
}

const inOrder = (messages: StoredMessage[]): StoredMessage[] =>
  messages.sort((one, other) => one.offset - other.offset);

function hasChannel(line: string, channel: Channel): boolean {
  const at = line.indexOf(FIELD + channel + FIELD);
  return at !== -1 && at < line.indexOf(ENTRY);
}
