import type { Channel } from "../../protocol/protocol.ts";
import type { Message } from "../message.ts";
import type { Bus, LocalNode } from "./bus/bus.ts";
import type { Connection } from "./connection/connection.ts";
import type { Directory, Route } from "./directory.ts";
import { eachPassed, isAlike, sharedOf } from "./passing.ts";

/** More than so many do not wait for the end of the tick: what is kept long is copied by the garbage collector. */
const MAX_LEAVING = 1_024;

/** Ephemeral messages to other nodes. */
export class Relay {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #directory: Directory;
  /** Channels whose nodes are being looked up, and what waits for the answer, so that order is kept. */
  readonly #behind = new Map<Channel, Promise<unknown>>();
  /** What leaves at the end of the tick, and where to. Encoded only then: a line that is kept is a tree of many small strings. */
  readonly #messages: (Message | undefined)[] = Array.from({ length: MAX_LEAVING });
  readonly #routes: Route[] = Array.from({ length: MAX_LEAVING }, () => []);
  #leaving = 0;
  /** Of the directory, when the first of them was given its route. */
  #version = 0;
  #isScheduled = false;
  /** The last message that was encoded, and what it began with: those after it mostly share it. */
  #last: Message | undefined;
  #shared = "";

  constructor(connection: Connection, bus: Bus, node: LocalNode, directory: Directory) {
    this.#connection = connection;
    this.#bus = bus;
    this.#node = node;
    this.#directory = directory;
    bus.onLine("M", (line) => eachPassed(line, this.#deliver));
  }

  /**
   * Hands a message to the other nodes with members of its channel, at most once.
   * @returns how many they are; 0 while Redis is away
   */
  relay(message: Message): number | Promise<number> {
    const { channel } = message;
    const before = this.#behind.size === 0 ? undefined : this.#behind.get(channel);
    const route = before ?? this.#directory.route(channel);
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
      this.#bus.dropped();
      return 0;
    } finally {
      if (this.#behind.get(channel) === found) this.#behind.delete(channel);
    }
  }

  /** @returns how many nodes it is for */
  #leave(message: Message, route: Route): number {
    if (route.length === 0) return 0;
    if (this.#leaving === MAX_LEAVING) this.#post();
    if (this.#leaving === 0) this.#version = this.#directory.version;
    this.#messages[this.#leaving] = message;
    this.#routes[this.#leaving++] = route;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return this.#connection.isUp ? route.length : 0;
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.#post();
    this.#bus.flush();
  };

  /** The nodes are looked at again now if any channel's have changed: what Redis has told meanwhile counts. */
  #post(): void {
    const count = this.#leaving;
    const isCurrent = this.#version === this.#directory.version;
    this.#leaving = 0;
    for (let index = 0; index < count; index++) {
      const message = this.#messages[index];
      this.#messages[index] = undefined;
      if (message === undefined) continue;
      const route = isCurrent ? this.#routes[index] : this.#directory.route(message.channel);
      if (route instanceof Promise) void this.#redirect(message, route);
      else if (route !== undefined) this.#postTo(route, message);
    }
    this.#last = undefined;
  }

  #postTo(route: Route, message: Message): void {
    if (this.#last === undefined || !isAlike(message, this.#last)) this.#shared = sharedOf(message);
    this.#last = message;
    for (const token of route) this.#bus.pass(token, this.#shared, message);
  }

  async #redirect(message: Message, route: Promise<Route>): Promise<void> {
    try {
      this.#postTo(await route, message);
    } catch {
      this.#bus.dropped();
    }
  }

  /** One that fails keeps no other of its line from being delivered. */
  readonly #deliver = (message: Message): void => {
    const { sink } = this.#node;
    try {
      sink.deliver(message);
    } catch (error) {
      sink.report("deliver", error);
    }
  };
}
