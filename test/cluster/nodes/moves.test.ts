import { expect, test } from "vitest";
import { type Client, connect, type Positions } from "../../../src/client/client.ts";
import { Cluster, onEveryRedis } from "../support/cluster.ts";
import { Writers } from "../support/writers.ts";

const MOVES = 1_000;

/** A user who goes from node to node, always on from where the connection before had come to. */
class Mover implements AsyncDisposable {
  /** The stored messages, over all connections. */
  readonly received: unknown[] = [];
  /** The ephemeral ones, by connection. */
  readonly greetings: unknown[][] = [];
  lost = 0;
  #client: Client | undefined;
  #unsubscribe: (() => void)[] = [];
  #look: () => void = () => {};

  /** Leaves for another node: with the old connection closed before, or only when the new one is welcomed. */
  async move(url: string, { overlapping }: { overlapping: boolean }): Promise<void> {
    const former = this.#client;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    if (!overlapping) await former?.close();
    this.#connect(url, former?.positions);
    await this.#client?.ready;
    if (overlapping) await former?.close();
  }

  /** Resolves when the present connection has got this greeting. */
  greeted(greeting: unknown): Promise<void> {
    return this.#until(() => this.greetings.at(-1)?.includes(greeting) ?? false);
  }

  /** Resolves when so many stored messages have been received. */
  has(count: number): Promise<void> {
    return this.#until(() => this.received.length >= count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.close();
  }

  #connect(url: string, positions: Positions | undefined): void {
    const client = connect(url, { user: "bob", positions });
    const greetings: unknown[] = [];
    this.greetings.push(greetings);
    const keepIn = (kept: unknown[]) => (message: { data: unknown }) => {
      kept.push(message.data);
      this.#look();
    };
    this.#unsubscribe = [
      client.on("n", keepIn(this.received)),
      client.on("greeting", keepIn(greetings)),
      client.onStatus(({ type }) => {
        if (type === "lost") this.lost++;
      }),
    ];
    this.#client = client;
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (condition()) resolve();
      };
      this.#look();
    });
  }
}

onEveryRedis((redis) => {
  test(`a user who moves between nodes ${MOVES} times misses nothing, and is reached at once after each welcome`, async () => {
    await using cluster = await Cluster.start(redis());
    const { n1, n2, n3 } = cluster;
    const greeter = await cluster.peer("greeter", n3);
    const writers = await Writers.start(cluster, ["bob"]);
    await using bob = new Mover();

    for (let move = 0; move < MOVES; move++) {
      await bob.move([n1, n2, n3][move % 3]?.url ?? "", { overlapping: move % 2 === 0 });
      greeter.send({ type: "greeting", to: "bob", data: move, ephemeral: true });
      await bob.greeted(move);
    }
    await writers.stop();

    await bob.has(writers.total("bob"));
    writers.expectOnceInOrder("bob", bob.received);
    expect(bob.lost).toBe(0);
    // At most once on each connection: who changes it meanwhile may get one on both.
    for (const greetings of bob.greetings) expect(greetings).toEqual([...new Set(greetings)]);
  });
});
