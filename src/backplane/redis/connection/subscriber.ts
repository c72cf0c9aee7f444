import type { Redis } from "ioredis";
import { connectSingle } from "./clients.ts";
import { isReady } from "./ioredis.ts";

/** The Redis connection on which a node receives what is published to it. */
export class Subscriber {
  readonly #onPayload: (payload: string) => void;
  readonly #onEnd: () => void;
  #client: Redis | undefined;

  /** @param onEnd is called when the connection has ended, unless another one has replaced it */
  constructor(onPayload: (payload: string) => void, onEnd: () => void) {
    this.#onPayload = onPayload;
    this.#onEnd = onEnd;
  }

  /** The present client, alive or not. Each reconnect replaces it. */
  get client(): Redis | undefined {
    return this.#client;
  }

  /**
   * Subscribes to channels. A connection that works is kept.
   * @param connect makes a client that does not reconnect by itself
   */
  async open(connect: () => Redis, channels: readonly string[]): Promise<void> {
    if (await this.#isAlive(channels)) return;
    const client = connect();
    this.#client = client;
    client.on("message", (_, payload) => this.#onPayload(payload));
    client.on("end", () => {
      client.disconnect(); // also ends the watch of ioredis for failovers
      if (this.#client === client) this.#onEnd();
    });
    await connectSingle(client);
    await client.subscribe(...channels);
    // A new incarnation will leave its former channel: a missing right is noticed here, and not then.
    await client.unsubscribe(`${channels[0]}:former`);
  }

  /** Replaces the subscription of one channel by that of another. */
  async move(from: string, to: string): Promise<void> {
    await this.#client?.subscribe(to);
    await this.#client?.unsubscribe(from);
  }

  /** Ends the connection, upon which `onEnd` is called. */
  close(): void {
    this.#client?.disconnect();
  }

  /** Subscribes again, which changes nothing. @throws Error when the right was revoked, or the connection is dead */
  async confirm(channels: readonly string[]): Promise<void> {
    await this.#client?.subscribe(...channels);
  }

  /** An answer tells a dead connection from one on which nothing is published: both are silent. */
  async #isAlive(channels: readonly string[]): Promise<boolean> {
    const client = this.#client;
    if (client === undefined || !isReady(client)) return false;
    try {
      await this.confirm(channels);
      return true;
    } catch {
      this.#client = undefined;
      client.disconnect();
      return false;
    }
  }
}
