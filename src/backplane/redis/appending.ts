import type { Message } from "../message.ts";
import type { Appended } from "../port.ts";
import { NOWHERE, type Place } from "./places.ts";

/**
 * A message on its way into its history. A class, as {@link Answer} is, because V8 makes the objects of a literal in the old generation
 * once many of them have lived for a while, and they keep everything alive that they refer to.
 */
export class Appending {
  readonly message: Message;
  readonly key: string | undefined;
  readonly appended: Promise<Appended>;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
  place: Place = NOWHERE;
  /** The connections of this node it was handed to, once it has arrived here. */
  connections: number | undefined = undefined;
  /** What the script answered, while the message has not arrived here yet. */
  answer: Answer | undefined = undefined;

  constructor(message: Message, key: string | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    this.message = message;
    this.key = key;
    this.appended = promise;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** Where a message that is no repeat was appended. */
export class Answer implements Appended {
  readonly id: string;
  readonly timestamp: number;
  readonly epoch: string;
  readonly offset: number;
  readonly receivers: number;
  readonly duplicate = false;

  constructor({ id, timestamp }: Message, epoch: string, offset: number, receivers: number) {
    this.id = id;
    this.timestamp = timestamp;
    this.epoch = epoch;
    this.offset = offset;
    this.receivers = receivers;
  }
}
