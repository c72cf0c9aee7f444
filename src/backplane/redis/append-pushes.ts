import type { Channel } from "../../protocol/protocol.ts";
import { type Group, groupsOf } from "./append-groups.ts";
import type { AppendWay, AppendWayParts } from "./append-way.ts";
import type { Appending } from "./appending.ts";
import { FAILED, pack, publishOf } from "./connection/connection.ts";
import { encodeEntry, StoredLine } from "./entry.ts";
import { inboundOf } from "./keys.ts";
import { LINE, lineOf, VERSION } from "./line.ts";

/** A text to more nodes is published by the script, which is sent it once for all of them. */
const MAX_NODES = 4;
/** What each message's command begins with; its list and its entry follow. */
const RPUSHX = `*3\r\n${pack("RPUSHX")}`;

/** As metrics name these calls, beside those of scripts. */
export const PUSH = { name: "push" };

/** Messages that go to the same nodes in one text. */
interface Parcel {
  /** By which their offsets name the text. */
  readonly name: string;
  readonly tokens: readonly string[];
  readonly messages: readonly Appending[];
}

export interface AppendPushesParts extends AppendWayParts {
  readonly prefix: string;
  /** Fewer messages are appended by the script, which takes one way less. */
  readonly pushFrom: number;
  /** A message could not be appended. */
  readonly onFailed: (appending: Appending, error: unknown) => void;
}

/**
 * Appends many messages to lists that are known, each by a command of its own, all in one transaction: Redis needs half as much for a command as
 * when a script calls it. The same transaction publishes the messages to their nodes, in one text (line `U`). Their offsets, which Redis answers,
 * follow (`O`). If these fail to come, the nodes look for themselves (unplaced.ts): what is stored is delivered, whatever becomes of this node.
 */
export class AppendPushes implements AppendWay {
  readonly #parts: AppendPushesParts;
  /** Channels whose lists are being cut. */
  readonly #cutting = new Set<Channel>();
  #parcels = 0;

  constructor(parts: AppendPushesParts) {
    this.#parts = parts;
  }

  /** Whether these messages, which have their places and no keys, can be appended so, and should. */
  isFor(batch: readonly Appending[]): boolean {
    const { connection, pushFrom } = this.#parts;
    return batch.length >= pushFrom && connection.canPush && batch.every(isKnown);
  }

  async send(batch: readonly Appending[]): Promise<Appending[]> {
    const { connection, prefix, traffic } = this.#parts;
    const parcels = groupsOf(batch).map((group) => this.#parcelOf(group));
    const publishes: string[] = [];
    let pushes = "";
    let count = batch.length;
    for (const { name, tokens, messages } of parcels) {
      const line = new StoredLine(VERSION + LINE + lineOf("U", name, String(messages.length)));
      for (const { place, message } of messages) {
        const entry = encodeEntry(message);
        line.add(place.head, entry);
        pushes += `${RPUSHX}${place.list}$${Buffer.byteLength(entry)}\r\n${entry}\r\n`;
      }
      const { text } = line;
      for (const token of tokens) publishes.push(...publishOf(inboundOf(prefix, token), text));
      count += tokens.length;
    }
    traffic.ran(PUSH);
    const { numbers, error } = await connection.push([pushes, ...publishes], count);
    let index = 0;
    const answered = parcels.map((parcel) => {
      const lengths = numbers.slice(index, index + parcel.messages.length);
      index += lengths.length;
      return { parcel, lengths };
    });
    for (const { parcel, lengths } of answered) this.#tell(parcel, lengths);
    // From here on Redis may count as away, and nothing is sent.
    const failure = error && connection.failed("push", error);
    return answered.flatMap(({ parcel, lengths }) => this.#settle(parcel, lengths, failure));
  }

  #parcelOf({ audience, messages }: Group): Parcel {
    const tokens = audience.nodes === "" ? [] : audience.nodes.split(" ");
    return { name: `${this.#parts.bus.token}.${++this.#parcels}`, tokens, messages };
  }

  #tell({ name, tokens }: Parcel, lengths: readonly number[]): void {
    if (tokens.length === 0) return;
    const offsets = lineOf("O", name, lengths.join(" "));
    for (const token of tokens) this.#parts.bus.post(token, offsets);
  }

  /** @returns the messages that are left */
  #settle({ messages }: Parcel, lengths: readonly number[], failure: unknown): Appending[] {
    const { histories, places, traffic, onAppended, onFailed } = this.#parts;
    const { room } = histories;
    const left: Appending[] = [];
    let sent = 0;
    for (const [index, appending] of messages.entries()) {
      const length = lengths[index] ?? FAILED;
      const { place, message } = appending;
      if (length > 0) sent += onAppended(appending, place, place.start + length);
      else if (length === FAILED) onFailed(appending, failure);
      else {
        places.forget(message.channel);
        left.push(appending);
      }
      if (length > room) void this.#cut(message.channel);
    }
    traffic.sent("U", sent);
    return left;
  }

  /** A list that stays too long is cut after the next message. */
  async #cut(channel: Channel): Promise<void> {
    if (this.#cutting.has(channel)) return;
    this.#cutting.add(channel);
    try {
      await this.#parts.histories.cut(channel);
    } catch (error) {
      if (this.#parts.connection.isUp) this.#parts.node.report("history", error);
    }
    this.#cutting.delete(channel);
  }
}

/** Whether Redis needs to look nothing up for a message. */
const isKnown = ({ place: { epoch, audience } }: Appending): boolean =>
  epoch !== "" && audience.others < MAX_NODES;
