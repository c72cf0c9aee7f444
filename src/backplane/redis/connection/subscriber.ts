import type { Redis } from "ioredis";

/** The connection by which a node hears what is published to it. */
export class Listener {
  readonly #onText: (text: string) => void;
  readonly #onEnd: () => void;
  #connection: Redis | undefined;

  /** @param onEnd is told when the connection has ended, unless another one has taken its place */
  constructor(onText: (text: string) => void, onEnd: () => void) {
    this.#onText = onText;
    this.#onEnd = onEnd;
  }

  /** What it listens by, alive or not. */
  get connection(): Redis | undefined {
    return this.#connection;
  }

  /**
   * Resolves when it listens. A connection that works is kept.
   * @param connect makes one that does not connect again by itself
   */
  async open(connect: () => Redis, channels: readonly string[]): Promise<void> {
    if (await this.#isAlive()) return;
    const connection = connect();
    this.#connection = connection;
    connection.on("message", (_, text) => this.#onText(text));
    connection.on("end", () => {
      connection.disconnect(); // and no more watches for failovers
      if (this.#connection === connection) this.#onEnd();
    });
    await connection.connect();
    await connection.subscribe(...channels);
  }

  /** Listens to one channel in the place of another. */
  async move(from: string, to: string): Promise<void> {
    await this.#connection?.subscribe(to);
    await this.#connection?.unsubscribe(from);
  }

  /** The end of the connection is told. */
  close(): void {
    this.#connection?.disconnect();
  }

  /** A connection that nothing comes through any more looks like one on which nothing is said. */
  async #isAlive(): Promise<boolean> {
    const connection = this.#connection;
    if (connection?.status !== "ready") return false;
    try {
      await connection.ping();
      return true;
    } catch {
      this.#connection = undefined;
      connection.disconnect();
      return false;
    }
  }
}
