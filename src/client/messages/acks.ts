import type { Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Cancel } from "../connection/timers.ts";
import { isRetryable, type Session } from "../session/session.ts";

/** The last acknowledged offset of a channel. Without an `epoch` the client has not learned it yet. */
export interface AckPosition {
  readonly epoch?: string | undefined;
  readonly offset: number;
}

/** Minimum time between two acknowledgements of one channel. */
const INTERVAL_MS = 200;

/**
 * Sends acknowledgements. They are cumulative, so under load one acknowledgement covers all messages of an interval.
 * The first after a pause leaves at once, because the sender may be waiting for it.
 */
export class Acks {
  readonly #session: Session;
  readonly #pending = new Map<Channel, AckPosition>();
  #cancelInterval: Cancel | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Acknowledges all messages up to a position. A lower offset of the epoch changes nothing. */
  add(channel: Channel, position: AckPosition): void {
    const pending = this.#pending.get(channel);
    if (!pending || pending.epoch !== position.epoch || pending.offset < position.offset) {
      this.#pending.set(channel, position);
    }
    if (!this.#cancelInterval) this.flush();
  }

  /** Discards the pending acknowledgement of a channel that the client left. */
  forget(channel: Channel): void {
    this.#pending.delete(channel);
  }

  /** Sends the pending acknowledgements. Without a connection they stay pending until the next call. */
  flush(): void {
    if (!this.#session.isOnline || this.#pending.size === 0) return;
    this.#cancelInterval?.();
    this.#startInterval();
    for (const [channel, position] of this.#pending) void this.#send(channel, position);
    this.#pending.clear();
  }

  #startInterval(intervalMs = INTERVAL_MS): void {
    this.#cancelInterval = this.#session.timers.after(intervalMs, () => {
      this.#cancelInterval = undefined;
      this.flush();
    });
  }

  async #send(channel: Channel, position: AckPosition): Promise<void> {
    try {
      const { epoch, offset } = position;
      await this.#session.request("message.ack", { channel, epoch, offset }, { idempotent: false });
    } catch (error) {
      if (isRetryable(error)) {
        if (!this.#pending.has(channel)) this.#pending.set(channel, position);
        if (!this.#cancelInterval) this.#startInterval(Math.max(INTERVAL_MS, error.retryAfterMs ?? 0));
      }
      // `conflict` means that the epoch is over: its messages need no acknowledgement.
      else if ((error as TidingsError).code !== "conflict") this.#session.report(error);
    }
  }
}
