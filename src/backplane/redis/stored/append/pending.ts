import type { Message } from "../../../message.ts";
import { type Appended, NOBODY, type Reached } from "../../../port.ts";
import { type AppendTarget, UNKNOWN_TARGET } from "./targets.ts";

/**
 * A message that is queued, or in flight to its history. A class, as {@link AppendResult} is: V8 allocates the objects
 * of a literal in the old generation once many of them have lived for a while, and they keep alive what they refer to.
 */
export class PendingAppend {
  readonly message: Message;
  readonly key: string | undefined;
  readonly appended: Promise<Appended>;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
  target: AppendTarget = UNKNOWN_TARGET;
  /** True once the idempotency key is reserved, and always without one. */
  isReserved: boolean;
  /** Local connections that the message reached; undefined until it has arrived by this node's own inbox. */
  here: Reached | undefined = undefined;
  /** Result from Redis, while the message has not arrived here yet. */
  result: AppendResult | undefined = undefined;

  constructor(message: Message, key: string | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    this.message = message;
    this.key = key;
    this.isReserved = key === undefined;
    this.appended = promise;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** Result of an append that is no duplicate. */
export class AppendResult implements Appended {
  readonly id: string;
  readonly timestamp: number;
  readonly epoch: string;
  readonly offset: number;
  readonly nodes: number;
  here: Reached = NOBODY;
  readonly duplicate = false;

  constructor({ id, timestamp }: Message, epoch: string, offset: number, nodes: number) {
    this.id = id;
    this.timestamp = timestamp;
    this.epoch = epoch;
    this.offset = offset;
    this.nodes = nodes;
  }
}
