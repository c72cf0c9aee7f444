import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Session } from "../session/session.ts";
import type { Ordering } from "./ordering.ts";

/** Asks for the messages that are missing in a channel until they are there, or the server says that it will not. */
export class Recovery {
  readonly #session: Session;
  readonly #ordering: Ordering;
  readonly #failed: (error: unknown) => void;
  readonly #running = new Set<Channel>();

  constructor(session: Session, ordering: Ordering, failed: (error: unknown) => void) {
    this.#session = session;
    this.#ordering = ordering;
    this.#failed = failed;
  }

  async fill(channel: Channel): Promise<void> {
    if (this.#running.has(channel)) return;
    this.#running.add(channel);
    try {
      await this.#session.insist(() => this.#ask(channel));
    } catch (error) {
      this.#failed(error);
      this.#ordering.giveUp(channel);
    }
    this.#running.delete(channel);
    // The next connection may have found a gap of its own while this one was waiting.
    if (this.#ordering.hasGap(channel)) void this.fill(channel);
  }

  async #ask(channel: Channel): Promise<void> {
    while (this.#ordering.hasGap(channel)) {
      const from = this.#ordering.position(channel);
      await this.#session.request("message.resume", { channel, ...from }, { idempotent: false });
      const isFurther = this.#ordering.position(channel)?.offset !== from?.offset;
      // The send queue may still be full: asking at once would only add to it.
      if (!isFurther) throw new TidingsError("unavailable", `${channel}: nothing of what is missing came`);
    }
  }
}
