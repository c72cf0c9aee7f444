import type { Channel } from "../../protocol/protocol.ts";
import type { Bus } from "./bus/bus.ts";
import { type Connection, pack } from "./connection/connection.ts";
import { headOf } from "./entry.ts";
import { baseOf, partitionOf } from "./keys.ts";

/** Channels that are remembered; beyond it the one longest known is forgotten. About 500 bytes each. */
const MAX_KNOWN = 100_000;

/** The nodes that get a channel's messages: one object for all channels with the same ones. */
export interface Audience {
  /** Their tokens, as the script wants them. */
  readonly nodes: string;
  /** How many they are, without this node. */
  readonly others: number;
  readonly hasOwn: boolean;
}

/** What a node remembers of a channel's history, so that appending is a single command in Redis. */
export interface Place {
  /** The name of the list that takes the messages, packed. While it is there by this name, all the rest holds. */
  readonly list: string;
  /** What the nodes are told of the channel. */
  readonly head: string;
  /** Empty while nothing is known. */
  readonly epoch: string;
  /** The offset before the list's first message. */
  readonly start: number;
  readonly audience: Audience;
  /** When it has to be looked up again, by performance.now(). */
  readonly until: number;
  /** After how many entries to this node it was seen that it has no members; -1 for never. */
  unheardAt: number;
}

const NOBODY: Audience = { nodes: "", others: 0, hasOwn: false };

/** Of a message whose channel was not looked at yet. */
export const NOWHERE: Place = {
  list: "",
  head: "",
  epoch: "",
  start: 0,
  audience: NOBODY,
  until: 0,
  unheardAt: -1,
};

/** Where each channel's messages are appended, as the last look-ups said. */
export class Places {
  readonly #bus: Bus;
  readonly #prefix: string;
  readonly #knownMs: number;
  readonly #places = new Map<Channel, Place>();
  readonly #audiences = new Map<string, Audience>();

  /** @param knownMs how long to remember: a look-up gives the channel's cursors their lifetime anew */
  constructor(connection: Connection, bus: Bus, prefix: string, knownMs: number) {
    this.#bus = bus;
    this.#prefix = prefix;
    this.#knownMs = knownMs;
    connection.onUnavailable(() => this.#clear());
  }

  /** The channel's place; one that is nowhere, so that Redis looks it up, when it is not known. */
  of(channel: Channel, now: number): Place {
    const known = this.#places.get(channel);
    if (known !== undefined && known.until > now) return known;
    return { ...NOWHERE, list: this.#listOf(channel, "", ""), head: headOf(channel, "", 0) };
  }

  /** Takes in what the script has found: epoch, stamp, offset before the list, and nodes. */
  learn(channel: Channel, epoch: string, stamp: string, start: number, nodes: readonly string[]): Place {
    const [birth = ""] = epoch.split(".");
    const place: Place = {
      list: this.#listOf(channel, birth, stamp),
      head: headOf(channel, epoch, start),
      epoch,
      start,
      audience: this.#audienceOf(nodes),
      until: performance.now() + this.#knownMs,
      unheardAt: -1,
    };
    this.#places.delete(channel);
    this.#places.set(channel, place);
    if (this.#places.size > MAX_KNOWN) {
      const [oldest] = this.#places.keys();
      if (oldest !== undefined) this.#places.delete(oldest);
    }
    return place;
  }

  /** The list has another name now, or is there no more. */
  forget(channel: Channel): void {
    this.#places.delete(channel);
  }

  #listOf(channel: Channel, birth: string, stamp: string): string {
    return pack(`${baseOf(this.#prefix, partitionOf(channel))}:h:${channel}:${birth}:${stamp}`);
  }

  #audienceOf(tokens: readonly string[]): Audience {
    if (tokens.length === 0) return NOBODY;
    const nodes = tokens.join(" ");
    const known = this.#audiences.get(nodes);
    if (known !== undefined) return known;
    const hasOwn = tokens.includes(this.#bus.token);
    const audience = { nodes, others: tokens.length - (hasOwn ? 1 : 0), hasOwn };
    // Nodes come and go, and each time there are other ones.
    if (this.#audiences.size >= MAX_KNOWN) this.#audiences.clear();
    this.#audiences.set(nodes, audience);
    return audience;
  }

  #clear(): void {
    this.#places.clear();
    this.#audiences.clear();
  }
}
