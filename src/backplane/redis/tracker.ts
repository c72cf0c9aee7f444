import { type Channel, type Position, TidingsError } from "../../protocol/protocol.ts";
import type { StoredMessage } from "../message.ts";
import type { Bus, LocalNode } from "./bus/bus.ts";
import type { Connection } from "./connection/connection.ts";
import { decodeStored } from "./entry.ts";
import type { Histories, Seen } from "./histories.ts";
import { lineOf } from "./line.ts";
import { Unplaced } from "./unplaced.ts";

/** Messages read at once to fill a hole. */
const PAGE = 500;
/** What a line `S` begins with. */
const PLACED = lineOf("S", "");
/** Fields that a line `T` opens with: its kind. */
const FIELDS = 1;

/** How far a channel has been delivered on this node. */
interface Place {
  epoch: string;
  offset: number;
  /** The message there, where it is known. */
  id: string | undefined;
  /** While a hole is being filled: the highest offset that was announced, or more. */
  wanted: number | undefined;
  /** What is filled then. */
  filling: Promise<void> | undefined;
}

export interface TrackerParts {
  readonly connection: Connection;
  readonly bus: Bus;
  readonly node: LocalNode;
  readonly histories: Histories;
  /** Whether anybody on this node is a member. */
  readonly hasMembers: (channel: Channel) => boolean;
  /** Is told of every message that has come in and to how many connections it was handed. */
  readonly delivered: (message: StoredMessage, connections: number) => void;
  /** Is told that messages of a channel cannot be handed over now. */
  readonly passedOver: (channel: Channel) => void;
}

/**
 * Delivers stored messages on this node: each channel in the order of its offsets, each message once. Pub/Sub loses what
 * is sent while nobody listens; the offsets tell, and what is missing is read from history.
 */
export class Tracker {
  readonly #parts: TrackerParts;
  readonly #places = new Map<Channel, Place>();
  /** Messages that have come in, and wait for their offsets. */
  #texts = "";
  /** The same where the offsets come from the sender. */
  readonly #unplaced = new Unplaced((channels, held) => this.#alone(this.#missed(channels, held)));

  constructor(parts: TrackerParts) {
    const { bus } = parts;
    this.#parts = parts;
    bus.onLine("T", (line) => {
      this.#texts = line;
      return 0;
    });
    bus.onLine("S", (line) => this.#placed(line));
    bus.onLine("U", (line) => this.#unplaced.add(line));
    bus.on("O", ([, name = "", lengths = ""]) => {
      for (const message of this.#unplaced.place(name, lengths.split(" "))) this.#arrived(message);
    });
    // The channel comes back as it was joined here.
    bus.on("L", ([, channel, epoch = "", offset]) =>
      this.#lost(channel as Channel, { epoch, offset: Number(offset) }),
    );
  }

  /** Whoever has read so far on a channel with local members expects what comes after it. */
  begin(channel: Channel, { epoch, offset, id }: Seen): void {
    if (this.#places.has(channel) || !this.#parts.hasMembers(channel)) return;
    this.#places.set(channel, { epoch, offset, id, wanted: undefined, filling: undefined });
  }

  /** The last local member has gone. */
  forget(channel: Channel): void {
    this.#places.delete(channel);
  }

  /** Nothing was heard for a while: finds out what was lost, and reads what was missed. */
  async catchUp(places: ReadonlyMap<Channel, Place> = this.#places): Promise<void> {
    const verified = await this.#parts.histories.verify(places);
    const fills: Promise<void>[] = [];
    for (const [channel, { epoch, last, from }] of verified) {
      const place = this.#places.get(channel);
      if (place === undefined || isBefore(epoch, place.epoch)) continue;
      this.#lost(channel, { epoch, offset: from });
      if (place.offset < last) fills.push(this.#fill(channel, place, last));
    }
    await Promise.all(fills);
  }

  /** @returns how many messages it was that now have their offsets */
  #placed(line: string): number {
    if (this.#texts === "") throw new TidingsError("internal", "a node sent offsets without their messages");
    const messages = decodeStored(this.#texts, FIELDS, line.slice(PLACED.length).split(" "));
    this.#texts = "";
    for (const message of messages) this.#arrived(message);
    return messages.length;
  }

  /** Their sender has gone, or is slow: what it has stored is read from history. */
  async #missed(channels: ReadonlySet<Channel>, held: readonly StoredMessage[]): Promise<void> {
    if (this.#parts.connection.isStopped) return;
    for (const message of held) this.#arrived(message);
    const places = [...this.#places].filter(([channel]) => channels.has(channel));
    if (this.#parts.connection.isUp) await this.catchUp(new Map(places));
    for (const channel of channels) this.#parts.passedOver(channel);
  }

  #arrived(message: StoredMessage): void {
    const { channel, epoch, offset } = message;
    const place = this.#places.get(channel);
    if (place === undefined) {
      if (this.#unplaced.hold(message)) return;
      this.begin(channel, message);
      this.#deliver(message);
    } else if (place.wanted !== undefined) {
      place.wanted = Math.max(place.wanted, offset);
    } else if (place.epoch === epoch) {
      // A member has read it from history already.
      if (offset <= place.offset) this.#parts.delivered(message, 0);
      else if (offset === place.offset + 1) this.#next(place, message);
      else if (!this.#unplaced.hold(message)) this.#alone(this.#fill(channel, place, offset));
    } else if (isBefore(epoch, place.epoch)) {
      // It was stored, and then the history was lost: its offset came after that news.
      this.#parts.delivered(message, 0);
    } else if (offset === 1) {
      this.#lost(channel, { epoch, offset: 0 });
      this.#next(place, message);
    } else {
      const filled = this.#fill(channel, place, offset);
      this.#alone(filled.then(() => this.#parts.passedOver(channel)));
    }
  }

  #next(place: Place, message: StoredMessage): void {
    place.offset = message.offset;
    place.id = message.id;
    this.#deliver(message);
  }

  #deliver(message: StoredMessage): void {
    this.#parts.delivered(message, this.#parts.node.sink.deliver(message));
  }

  #lost(channel: Channel, position: Position): void {
    const place = this.#places.get(channel);
    if (place?.epoch === position.epoch) return;
    if (place === undefined) this.begin(channel, position);
    else Object.assign(place, position, { id: undefined });
    this.#parts.node.sink.lost(channel, position);
  }

  /** What cannot be read now is read when Redis is back, or when the next message comes. */
  #alone(reading: Promise<void>): void {
    reading.catch((error: unknown) => {
      if (!this.#parts.connection.isStopped) this.#parts.node.report("history", error);
    });
  }

  /** Resolves when all up to there has been delivered, or is known to be lost. */
  #fill(channel: Channel, place: Place, wanted: number): Promise<void> {
    place.wanted = Math.max(place.wanted ?? 0, wanted);
    place.filling ??= this.#fillHole(channel, place).finally(() => {
      place.filling = undefined;
    });
    return place.filling;
  }

  async #fillHole(channel: Channel, place: Place): Promise<void> {
    try {
      while (place.wanted !== undefined && place.offset < place.wanted) {
        const { wanted } = place;
        const page = await this.#parts.histories.read(channel, { after: place.offset, limit: PAGE });
        if (this.#parts.connection.isStopped || this.#places.get(channel) !== place) return;
        if (page.epoch !== place.epoch) {
          this.#lost(channel, { epoch: page.epoch, offset: page.first - 1 });
          place.wanted = page.last;
          continue;
        }
        for (const message of page.messages) if (message.offset > place.offset) this.#next(place, message);
        // What retention has taken is missing for good, and members see it by the offsets.
        if (page.messages.length < PAGE && place.offset < page.last) {
          place.offset = page.last;
          place.id = undefined;
          this.#parts.passedOver(channel);
        }
        // What was wanted may have been an offset of a history that is gone. What has come meanwhile may be behind the page.
        if (place.wanted === wanted) place.wanted = page.last;
      }
    } finally {
      const isFilled = place.wanted !== undefined && place.wanted <= place.offset;
      place.wanted = undefined;
      if (!isFilled) this.#parts.passedOver(channel);
    }
  }
}

/** Whether a history was given up for the other one. Epochs are made of the random name of the data and a number that rises. */
function isBefore(epoch: string, other: string): boolean {
  const [birth, serial] = epoch.split(".");
  const [otherBirth, otherSerial] = other.split(".");
  return birth === otherBirth && Number(serial) < Number(otherSerial);
}
