import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Cancel } from "../connection/timers.ts";
import type { Session } from "../session/session.ts";

/** What has been handled of a channel. The epoch is left out when it is not known. */
export interface Handled {
  readonly epoch?: string;
  readonly offset: number;
}

/** At most one acknowledgement per channel in this time. */
const INTERVAL_MS = 200;

/**
 * Acknowledges what has been handled. An acknowledgement is cumulative, so under load one stands for all of the interval;
 * the first after a quiet time leaves at once, because the sender may be waiting for it.
 */
export class Acks {
  readonly #session: Session;
  readonly #failed: (error: unknown) => void;
  readonly #waiting = new Map<Channel, Handled>();
  #cancelInterval: Cancel | undefined;

  constructor(session: Session, failed: (error: unknown) => void) {
    this.#session = session;
    this.#failed = failed;
  }

  /** Everything up to here has been handled. */
  add(channel: Channel, handled: Handled): void {
    const waiting = this.#waiting.get(channel);
    if (waiting === undefined || waiting.epoch !== handled.epoch || waiting.offset < handled.offset) {
      this.#waiting.set(channel, handled);
    }
    if (this.#cancelInterval === undefined) this.flush();
  }

  /** The client is no longer a member of the channel. */
  forget(channel: Channel): void {
    this.#waiting.delete(channel);
  }

  /** Sends what waits. Without a connection it goes on waiting until this is called on the next one. */
  flush(): void {
    if (!this.#session.isOnline || this.#waiting.size === 0) return;
    this.#cancelInterval?.();
    this.#startInterval();
    for (const [channel, handled] of this.#waiting) void this.#send(channel, handled);
    this.#waiting.clear();
  }

  #startInterval(): void {
    this.#cancelInterval = this.#session.timers.after(INTERVAL_MS, () => {
      this.#cancelInterval = undefined;
      this.flush();
    });
  }

  async #send(channel: Channel, handled: Handled): Promise<void> {
    try {
      await this.#session.request("message.ack", { channel, ...handled }, { idempotent: false });
    } catch (error) {
      if (error instanceof TidingsError && error.retryable) this.#waitAgain(channel, handled);
      // For one of a former epoch there is nothing to do.
      else if (!(error instanceof TidingsError && error.code === "conflict")) this.#failed(error);
    }
  }

  #waitAgain(channel: Channel, handled: Handled): void {
    if (!this.#waiting.has(channel)) this.#waiting.set(channel, handled);
    if (this.#cancelInterval === undefined) this.#startInterval();
  }
}
