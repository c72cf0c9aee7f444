import type { Cursors } from "../backplane/backplane.ts";
import { Attachment, type Connection } from "../local/local.ts";
import { type Channel, encodeServerFrame, userOf } from "../protocol/protocol.ts";
import type { Receipt } from "./receipt.ts";

/** Waits of a connection that go on after their timeout. */
const MAX_LATE = 1_000;

/** Publishers that await the acknowledgement of their receiver. */
export class Acks {
  readonly #cursors: Cursors;
  readonly #expectations = new Map<Channel, Set<Expectation>>();

  constructor(cursors: Cursors) {
    this.#cursors = cursors;
  }

  /** Begins a wait. Call it before the message is published, or an early acknowledgement is missed. */
  expect(channel: Channel): Expectation {
    const expectation = new Expectation(this.#cursors.watch(channel), () =>
      this.#remove(channel, expectation),
    );
    const others = this.#expectations.get(channel);
    if (others === undefined) this.#expectations.set(channel, new Set([expectation]));
    else others.add(expectation);
    return expectation;
  }

  /** Ends the waits for offsets up to `offset`: a receiver has all messages up to it. */
  acknowledged(channel: Channel, offset: number): void {
    for (const expectation of this.#expectations.get(channel) ?? []) expectation.acknowledged(offset);
  }

  #remove(channel: Channel, expectation: Expectation): void {
    const others = this.#expectations.get(channel);
    others?.delete(expectation);
    if (others?.size === 0) this.#expectations.delete(channel);
  }
}

/** One wait for an acknowledgement. */
export class Expectation {
  readonly #watching: Promise<() => void>;
  readonly #forget: () => void;
  #acknowledged = 0;
  #wake: (() => void) | undefined;

  constructor(watching: Promise<() => void>, forget: () => void) {
    this.#watching = watching;
    this.#forget = forget;
  }

  /** Ends the wait. A failed watch needs no end. */
  stop(): void {
    this.#forget();
    this.#watching.then((unwatch) => unwatch()).catch(() => undefined);
  }

  /** Calls a task once, as soon as `offset` is acknowledged. It takes the place of `reached`. */
  whenReached(offset: number, task: () => void): void {
    this.#wake = () => {
      if (this.#acknowledged < offset) return;
      this.#wake = undefined;
      task();
    };
    this.#wake();
  }

  acknowledged(offset: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, offset);
    this.#wake?.();
  }

  /**
   * Resolves to true as soon as `offset` is acknowledged, to false after the timeout.
   * @throws TidingsError `unavailable` when acknowledgements cannot be watched
   */
  async reached(offset: number, timeoutMs: number): Promise<boolean> {
    await this.#watching;
    if (this.#acknowledged >= offset) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#wake = () => {
        if (this.#acknowledged < offset) return;
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** Messages of a connection whose acknowledgement did not come in time. It is told of those that come later. */
export class LateAcks extends Attachment {
  readonly #waits = new Set<Expectation>();

  /** Takes a wait. Beyond 1,000 of them, the oldest ends. */
  add(connection: Connection, channel: Channel, wait: Expectation, receipt: Receipt): void {
    const { id, epoch = "", offset = 0 } = receipt; // it is stored
    if (connection.state !== "open") {
      wait.stop();
      return;
    }
    const [oldest] = this.#waits;
    if (oldest !== undefined && this.#waits.size >= MAX_LATE) this.#end(oldest);
    this.#waits.add(wait);
    wait.whenReached(offset, () => {
      this.#end(wait);
      const frame = encodeServerFrame({ event: "acked", id, to: userOf(channel), epoch, offset });
      // An acknowledgement may come while the receipt is on its way to the socket: that comes first.
      setImmediate(() => connection.send(frame));
    });
  }

  /** Ends all waits: the connection has closed. */
  stop(): void {
    for (const wait of this.#waits) this.#end(wait);
  }

  #end(wait: Expectation): void {
    this.#waits.delete(wait);
    wait.stop();
  }
}
