import { type Channel, SerialPerKey } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import type { Message } from "../../message.ts";
import type { Bus } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import { eachEphemeral, encodeShared, hasSameShared } from "../wire/ephemeral-line.ts";
import { LINE } from "../wire/lines.ts";
import type { Directory, Route } from "./directory.ts";
import type { Tallies } from "./tallies.ts";

/**
 * Length of the queue. A full queue is sent before the tick ends, so that the garbage collector need not copy many
 * messages.
 */
const MAX_QUEUED = 1_024;

/** Sends ephemeral messages to other nodes, and delivers those that arrive. */
export class Relay {
  readonly #connection: Connection;
  readonly #bus: Bus;
  readonly #node: LocalNode;
  readonly #directory: Directory;
  readonly #tallies: Tallies;
  /** Messages that wait for the route of their channel, in the order of the calls. */
  readonly #waiting = new SerialPerKey<Channel>();
  /** Queue of this tick. Messages are encoded at its end: a string that lives longer is a tree of many small ones. */
  readonly #messages: (Message | undefined)[] = Array.from({ length: MAX_QUEUED });
  readonly #routes: Route[] = Array.from({ length: MAX_QUEUED }, () => []);
  #queued = 0;
  /** Version of the route cache when the first message of the queue got its route. */
  #version = 0;
  #isScheduled = false;
  /** The message encoded last, and its shared fields: the next message mostly has the same ones. */
  #last: Message | undefined;
  #shared = "";

  constructor(connection: Connection, bus: Bus, node: LocalNode, directory: Directory, tallies: Tallies) {
    this.#tallies = tallies;
    this.#connection = connection;
    this.#bus = bus;
    this.#node = node;
    this.#directory = directory;
    bus.onLine(LINE.ephemeral, (line) => eachEphemeral(line, this.#deliver));
  }

  /**
   * Sends a message to the other nodes with members of its channel, at most once.
   * @returns number of these nodes; 0 while Redis is unavailable
   */
  relay(message: Message): number | Promise<number> {
    const { channel } = message;
    if (!this.#waiting.isBusy(channel)) {
      const route = this.#directory.route(channel);
      if (!(route instanceof Promise)) return this.#enqueue(message, route);
    }
    return this.#waiting.run(channel, () => this.#relayWithRoute(message));
  }

  async #relayWithRoute(message: Message): Promise<number> {
    try {
      return this.#enqueue(message, await this.#directory.route(message.channel));
    } catch {
      this.#bus.dropped();
      return 0;
    }
  }

  /** @returns number of target nodes that hear */
  #enqueue(message: Message, route: Route): number {
    if (route.length === 0) return 0;
    if (this.#queued === MAX_QUEUED) this.#post();
    if (this.#queued === 0) this.#version = this.#directory.version;
    this.#messages[this.#queued] = message;
    this.#routes[this.#queued++] = route;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    return this.#connection.isUp ? this.#bus.deaf.hearingIn(route) : 0;
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.#post();
    this.#bus.flush();
  };

  /** Posts the queue. After an invalidation in this tick, routes are looked up again: they may be outdated. */
  #post(): void {
    const count = this.#queued;
    this.#directory.clearAfterPause();
    const isCurrent = this.#version === this.#directory.version;
    this.#queued = 0;
    for (let index = 0; index < count; index++) {
      const message = this.#messages[index];
      this.#messages[index] = undefined;
      if (message === undefined) continue;
      const route = isCurrent ? this.#routes[index] : this.#directory.route(message.channel);
      if (route instanceof Promise) void this.#postAfter(route, message);
      else if (route !== undefined) this.#postTo(route, message);
    }
    this.#last = undefined;
  }

  #postTo(route: Route, message: Message): void {
    if (this.#last === undefined || !hasSameShared(message, this.#last)) this.#shared = encodeShared(message);
    this.#last = message;
    for (const token of route) this.#bus.pass(token, this.#shared, message);
  }

  async #postAfter(lookUp: Promise<Route>, message: Message): Promise<void> {
    try {
      this.#postTo(await lookUp, message);
    } catch {
      this.#bus.dropped();
    }
  }

  /** A failure is reported, so that the other messages of the line are delivered. */
  readonly #deliver = (message: Message): void => {
    const { sink } = this.#node;
    try {
      this.#tallies.ephemeral(message, sink.deliver(message));
    } catch (error) {
      sink.report("deliver", error);
    }
  };
}
