import { type Channel, TidingsError } from "../../protocol/protocol.ts";
import type { Session } from "../session/session.ts";
import type { Ordering } from "./ordering.ts";

/** Gap fill: requests the missing messages of a channel until they arrive, or the server refuses for good. */
export class Recovery {
  readonly #session: Session;
  readonly #ordering: Ordering;
  readonly #running = new Set<Channel>();

  constructor(session: Session, ordering: Ordering) {
    this.#session = session;
    this.#ordering = ordering;
  }

  async fill(channel: Channel): Promise<void> {
    if (this.#running.has(channel)) return;
    this.#running.add(channel);
    try {
      await this.#session.insist(() => this.#request(channel));
    } catch (error) {
      this.#session.report(error);
      this.#ordering.giveUp(channel);
    }
    this.#running.delete(channel);
    // A reconnect may have opened a new gap during the wait.
    if (this.#ordering.hasGap(channel)) void this.fill(channel);
  }

  async #request(channel: Channel): Promise<void> {
    while (this.#ordering.hasGap(channel)) {
      const from = this.#ordering.position(channel);
      await this.#session.request("message.resume", { channel, ...from }, { idempotent: false });
      const hasAdvanced = this.#ordering.position(channel)?.offset !== from?.offset;
      // The server's send queue may still be full: an immediate request would only add to it.
      if (!hasAdvanced) throw new TidingsError("unavailable", channel);
    }
  }
}
