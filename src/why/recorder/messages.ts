import type { Message, Reached } from "../../backplane/backplane.ts";
import type { Channel } from "../../protocol/protocol.ts";
import { Allowance } from "./allowance.ts";
import { Ring } from "./ring.ts";

/** A message that this node has handed to its connections, or published to nobody here. */
export interface RecordedMessage {
  readonly id: string;
  readonly channel: Channel;
  readonly from?: string | undefined;
  /** Milliseconds since 1970, as in the message. */
  readonly timestamp: number;
  /** Absent for an ephemeral message. */
  readonly offset?: number | undefined;
  /** Connections of this node that took it. */
  readonly connections: number;
  /** Connections of this node whose full queues refused it. */
  readonly dropped: number;
  readonly platforms?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
}

const NUMBERS = { timestamp: 0, offset: 1, connections: 2, dropped: 3 };
const TEXTS = { id: 0, channel: 1, from: 2, platforms: 3, except: 4 };

/** Id of 13, a channel and a sender of a dozen characters each, and now and then the connection that gets no echo. */
const CHARACTERS = 48;

/** Between the platforms, and the connections, of a filter. No id has a control character. */
const SEPARATOR = "\n";

/**
 * Messages that are recorded in a second. A record takes up to 0.9 µs, much of it in V8, which has to join the parts of an id and of a channel.
 * So all of them take less than a hundredth of a core; and a ring that remembers less than the last seconds answers nobody.
 */
export const MAX_PER_SECOND = 10_000;

/** The last messages of this node. */
export class RecordedMessages {
  readonly #ring: Ring;
  readonly #allowance = new Allowance(MAX_PER_SECOND);
  /** Time of the newest message that was not recorded. */
  #skippedAt = 0;

  /** @param records messages that are remembered */
  constructor(records: number) {
    this.#ring = new Ring({ records, numbers: 4, texts: 5, characters: CHARACTERS });
  }

  get bytes(): number {
    return this.#ring.bytes;
  }

  /**
   * Adds a message, but for those beyond {@link MAX_PER_SECOND}. It is on the path of every message: it allocates nothing without a
   * filter.
   */
  add(message: Message, offset: number | undefined, { connections, dropped }: Reached): void {
    if (!this.#allowance.take(message.timestamp)) {
      // Messages of several publishers do not come in the order of their times.
      if (message.timestamp > this.#skippedAt) this.#skippedAt = message.timestamp;
      return;
    }
    const ring = this.#ring;
    const { id, channel, from, timestamp, platforms, except } = message;
    const slot = ring.begin();
    ring.set(slot, NUMBERS.timestamp, timestamp);
    ring.set(slot, NUMBERS.offset, offset ?? 0);
    ring.set(slot, NUMBERS.connections, connections);
    ring.set(slot, NUMBERS.dropped, dropped);
    ring.add(slot, TEXTS.id, id);
    ring.add(slot, TEXTS.channel, channel);
    ring.add(slot, TEXTS.from, from);
    ring.add(slot, TEXTS.platforms, platforms && joined(platforms));
    ring.add(slot, TEXTS.except, except && joined(except));
  }

  /** Finds a message by its id. It may have two records: its publisher adds one, of nobody, when every queue here has refused it. */
  async find(id: string): Promise<RecordedMessage | undefined> {
    const isIt = (slot: number): boolean => this.#ring.has(slot, TEXTS.id, id);
    let found: RecordedMessage | undefined;
    for await (const record of this.#records(isIt)) {
      if (record.connections + record.dropped > 0) return record;
      found ??= record;
    }
    return found;
  }

  /** The last messages to any of these channels, the newest first. */
  async latest(channels: readonly Channel[], limit: number): Promise<RecordedMessage[]> {
    const isWanted = (slot: number): boolean =>
      channels.some((channel) => this.#ring.has(slot, TEXTS.channel, channel));
    const found: RecordedMessage[] = [];
    for await (const record of this.#records(isWanted)) if (found.push(record) >= limit) break;
    return found;
  }

  /** Time from which on every message is remembered; undefined before the first one. */
  get since(): number | undefined {
    const { oldest } = this.#ring;
    if (oldest === undefined) return undefined;
    return Math.max(this.#ring.number(oldest, NUMBERS.timestamp), this.#skippedAt + 1);
  }

  /** The records that are wanted, the newest first. It lets the event loop go round, and leaves out what is overwritten meanwhile. */
  async *#records(isWanted: (slot: number) => boolean): AsyncIterable<RecordedMessage> {
    for await (const slice of this.#ring.slices())
      for (const slot of slice) if (isWanted(slot)) yield this.#read(slot);
  }

  #read(slot: number): RecordedMessage {
    const ring = this.#ring;
    const offset = ring.number(slot, NUMBERS.offset);
    return {
      id: ring.text(slot, TEXTS.id) ?? "",
      channel: (ring.text(slot, TEXTS.channel) ?? "all") as Channel, // it was one
      from: ring.text(slot, TEXTS.from),
      timestamp: ring.number(slot, NUMBERS.timestamp),
      offset: offset === 0 ? undefined : offset,
      connections: ring.number(slot, NUMBERS.connections),
      dropped: ring.number(slot, NUMBERS.dropped),
      platforms: ring.text(slot, TEXTS.platforms)?.split(SEPARATOR),
      except: ring.text(slot, TEXTS.except)?.split(SEPARATOR),
    };
  }
}

/** Most filters name one connection: the sender's own. */
const joined = (names: readonly string[]): string =>
  names.length === 1 ? (names[0] ?? "") : names.join(SEPARATOR);
