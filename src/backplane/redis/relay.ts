import type { Channel } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import type { Directory, Route } from "./directory.ts";
import { decodeMessage, encodeMessage, FIELD } from "./line.ts";
import type { Link } from "./link.ts";

interface Leaving {
  readonly channel: Channel;
  readonly line: string;
  readonly route: Route;
}

/** Ephemeral messages to other nodes. */
export class Relay {
  readonly #link: Link;
  readonly #directory: Directory;
  /** Channels whose nodes are being looked up, and what waits for the answer, so that order is kept. */
  readonly #behind = new Map<Channel, Promise<unknown>>();
  #leaving: Leaving[] = [];

  constructor(link: Link, directory: Directory) {
    this.#link = link;
    this.#directory = directory;
    link.on("M", (fields) => link.sink.deliver(decodeMessage(fields, 1)));
  }

  /**
   * Hands a message to the other nodes with members of its channel, at most once.
   * @returns how many they are; 0 while Redis is away
   */
  relay(message: Message): number | Promise<number> {
    const { channel } = message;
    const route = this.#behind.get(channel) ?? this.#directory.route(channel);
    if (route instanceof Promise) return this.#relayLater(message, route);
    return this.#leave(message, route);
  }

  async #relayLater(message: Message, before: Promise<unknown>): Promise<number> {
    const { channel } = message;
    const found = before.then(() => this.#directory.route(channel));
    this.#behind.set(channel, found);
    try {
      return this.#leave(message, await found);
    } catch {
      this.#link.dropped();
      return 0;
    } finally {
      if (this.#behind.get(channel) === found) this.#behind.delete(channel);
    }
  }

  /** @returns how many nodes it is for */
  #leave(message: Message, route: Route): number {
    if (route.nodes.length === 0) return 0;
    if (this.#leaving.length === 0) setImmediate(this.#flush);
    this.#leaving.push({ channel: message.channel, line: `M${FIELD}${encodeMessage(message)}`, route });
    return this.#link.isUp ? route.nodes.length : 0;
  }

  /** The nodes are looked at again at the end of the tick: what Redis has told meanwhile counts. */
  readonly #flush = (): void => {
    const leaving = this.#leaving;
    this.#leaving = [];
    for (const { channel, line, route } of leaving) {
      if (!route.isStale) for (const token of route.nodes) this.#link.post(token, line);
      else void this.#redirect(channel, line);
    }
    this.#link.flush();
  };

  async #redirect(channel: Channel, line: string): Promise<void> {
    try {
      const { nodes } = await this.#directory.route(channel);
      for (const token of nodes) this.#link.post(token, line);
    } catch {
      this.#link.dropped();
    }
  }
}
