import { type Channel, TidingsError } from "../protocol/protocol.ts";
import type { Session } from "./session.ts";
import type { Cancel } from "./timers.ts";

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
    for (const [channel, handled] of this.#waiting) void this.#send(channel, handled);
    this.#waiting.clear();
    this.#cancelInterval?.();
    this.#cancelInterval = this.#session.timers.after(INTERVAL_MS, () => {
      this.#cancelInterval = undefined;
      this.flush();
    });
  }

  async #send(channel: Channel, handled: Handled): Promise<void> {
    try {
      await this.#session.request("message.ack", { channel, ...handled });
    } catch (error) {
      // The next acknowledgement makes up for one that failed; for one of a former epoch there is nothing to do.
      const isMadeUpFor = error instanceof TidingsError && (error.retryable || error.code === "conflict");
      if (!isMadeUpFor) this.#failed(error);
    }
  }
}
