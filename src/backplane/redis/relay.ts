import type { Channel } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import type { Directory, Route } from "./directory.ts";
import { decodeMessage, encodeMessage } from "./line.ts";
import type { Link } from "./link.ts";

/** More than so many do not wait for the end of the tick: what is kept long is copied by the garbage collector. */
const MAX_LEAVING = 1_024;

/** Ephemeral messages to other nodes. */
export class Relay {
  readonly #link: Link;
  readonly #directory: Directory;
  /** Channels whose nodes are being looked up, and what waits for the answer, so that order is kept. */
  readonly #behind = new Map<Channel, Promise<unknown>>();
  /** What leaves at the end of the tick, and where to. Encoded only then: a line that is kept is a tree of many small strings. */
  readonly #messages: (Message | undefined)[] = Array.from({ length: MAX_LEAVING });
  readonly #routes: (Route | undefined)[] = Array.from({ length: MAX_LEAVING });
  #leaving = 0;
  #isScheduled = false;

  constructor(link: Link, directory: Directory) {
    this.#link = link;
    this.#directory = directory;
    link.onLine("M", (line) => link.sink.deliver(decodeMessage(line)));
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
    if (this.#leaving === MAX_LEAVING) this.#post();
    this.#messages[this.#leaving] = message;
    this.#routes[this.#leaving++] = route;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return this.#link.isUp ? route.nodes.length : 0;
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.#post();
    this.#link.flush();
  };

  /** The nodes are looked at again now: what Redis has told meanwhile counts. */
  #post(): void {
    const count = this.#leaving;
    this.#leaving = 0;
    for (let index = 0; index < count; index++) {
      const message = this.#messages[index];
      const route = this.#routes[index];
      this.#messages[index] = undefined;
      this.#routes[index] = undefined;
      if (message === undefined || route === undefined) continue;
      if (route.isStale) void this.#redirect(message);
      else this.#postTo(route, message);
    }
  }

  #postTo({ nodes }: Route, message: Message): void {
    const line = encodeMessage(message);
    for (const token of nodes) this.#link.post(token, line, "M");
  }

  async #redirect(message: Message): Promise<void> {
    try {
      this.#postTo(await this.#directory.route(message.channel), message);
    } catch {
      this.#link.dropped();
    }
  }
}
