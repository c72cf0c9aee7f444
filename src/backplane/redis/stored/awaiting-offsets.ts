import type { Channel } from "../../../protocol/protocol.ts";
import type { StoredMessage } from "../../message.ts";
import { ENTRY, FIELD } from "../wire/lines.ts";
import { channelsOf, decodeStored } from "../wire/stored-line.ts";

/** Fields that open a line `LINE.awaiting`: kind, name of the payload, number of messages. */
const OPENING_FIELDS = 3;
/** Timeout of a payload. Offsets normally take a round trip; after the timeout the node reads the histories instead. */
const OVERDUE_MS = 1_000;

/** The messages of one line, without offsets yet. */
interface Payload {
  readonly line: string;
  /** Number of this payload, in the order of arrival. */
  readonly number: number;
  /** Messages of other payloads that arrived with their offsets, and whose channels wait for this one. */
  readonly held: StoredMessage[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Stored messages that wait for their offsets, which their sender learns from Redis and sends after them. The messages
 * themselves are stored already, so nothing is lost if the offsets never come.
 */
export class AwaitingOffsets {
  readonly #onOverdue: (channels: ReadonlySet<Channel>, held: StoredMessage[]) => void;
  readonly #payloads = new Map<string, Payload>();
  /** Number of payloads at the arrival of each held message. Later payloads cannot hold messages that precede it. */
  readonly #arrivedAfter = new WeakMap<StoredMessage, number>();
  #count = 0;

  /** @param onOverdue gets the channels of a payload that timed out, and the messages that it held, by offset */
  constructor(onOverdue: (channels: ReadonlySet<Channel>, held: StoredMessage[]) => void) {
    this.#onOverdue = onOverdue;
  }

  /** Adds the messages of a line. @returns how many they are */
  add(line: string): number {
    const [, name = "", number] = line.split(FIELD, OPENING_FIELDS);
    const timer = setTimeout(() => this.#overdue(name), OVERDUE_MS).unref();
    this.#payloads.set(name, { line, number: ++this.#count, held: [], timer });
    return Number(number);
  }

  /**
   * Assigns the offsets to the messages of a payload.
   * @returns its messages and those that it held, in order within each channel. None if the payload timed out, or was
   * published while this node was not subscribed: then the node has read the histories
   */
  assign(name: string, lengths: readonly string[]): StoredMessage[] {
    const payload = this.#payloads.get(name);
    if (payload === undefined) return [];
    clearTimeout(payload.timer);
    this.#payloads.delete(name);
    return [...decodeStored(payload.line, OPENING_FIELDS, lengths), ...byOffset(payload.held)];
  }

  /** Holds a message while an earlier payload has messages of its channel. @returns whether it is held */
  hold(message: StoredMessage): boolean {
    if (this.#payloads.size === 0) return false;
    const arrivedAfter = this.#arrivedAfter.get(message) ?? this.#count;
    for (const { line, number, held } of this.#payloads.values()) {
      if (number > arrivedAfter || !hasChannel(line, message.channel)) continue;
      this.#arrivedAfter.set(message, arrivedAfter);
      held.push(message);
      return true;
    }
    return false;
  }

  #overdue(name: string): void {
    const payload = this.#payloads.get(name);
    if (payload === undefined) return;
    this.#payloads.delete(name);
    this.#onOverdue(channelsOf(payload.line, OPENING_FIELDS), byOffset(payload.held));
  }
}

const byOffset = (messages: StoredMessage[]): StoredMessage[] =>
  messages.sort((one, other) => one.offset - other.offset);

function hasChannel(line: string, channel: Channel): boolean {
  const at = line.indexOf(FIELD + channel + FIELD);
  return at !== -1 && at < line.indexOf(ENTRY);
}
