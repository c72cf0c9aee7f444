import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { TidingsError } from "../../../src/client/client.ts";
import type { Observed } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import type { Cluster } from "./cluster.ts";

/** The nth message of a writer to one receiver. */
interface Numbered {
  readonly writer: string;
  readonly n: number;
}

/** Between two messages of a writer: with three writers about 1,000 messages per second. */
const PAUSE_MS = 2;

/**
 * Users who write stored messages to others, one after another, as applications do: a retryable failure is repeated.
 */
export class Writers {
  readonly #writers: readonly { name: string; client: Observed }[];
  readonly #receivers: readonly string[];
  /** By writer and receiver: how many messages have been answered with a receipt. */
  readonly #sent = new Map<string, number>();
  readonly #running: Promise<unknown>;
  #isStopped = false;
  #count = 0;
  #waiting: { count: number; resolve: () => void }[] = [];

  private constructor(writers: readonly { name: string; client: Observed }[], receivers: readonly string[]) {
    this.#writers = writers;
    this.#receivers = receivers;
    this.#running = Promise.all(writers.map(({ name, client }) => this.#write(name, client)));
  }

  /** Three writers begin, each through the balancer, so on whatever node is there. */
  static async start(cluster: Cluster, receivers: readonly string[]): Promise<Writers> {
    const names = ["writer-1", "writer-2", "writer-3"];
    const writers = await Promise.all(
      names.map(async (name) => ({ name, client: await cluster.client(name) })),
    );
    return new Writers(writers, receivers);
  }

  /** Resolves when so many more messages have been sent. */
  sent(more: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ count: this.#count + more, resolve }));
  }

  /** Ends the writing. Rejects when a message failed for good. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Number of messages sent to a receiver. */
  total(receiver: string): number {
    return this.#writers.reduce((sum, { name }) => sum + this.#sentTo(receiver, name), 0);
  }

  /** Expects that these are all messages to a receiver, each once, those of one writer in order. */
  expectOnceInOrder(receiver: string, received: readonly unknown[]): void {
    for (const { name } of this.#writers) {
      const numbers = (received as Numbered[]) // nobody else writes to it
        .filter(({ writer }) => writer === name)
        .map(({ n }) => n);
      const sent = Array.from({ length: this.#sentTo(receiver, name) }, (_, n) => n + 1);
      expect(numbers, `${name} to ${receiver}`).toEqual(sent);
    }
  }

  /** Waits until a receiver has everything, and expects it once and in order. */
  async expectAllOnce(receiver: string, client: Observed): Promise<void> {
    await client.until(() => client.received.length >= this.total(receiver));
    await client.client.request("robot.heartBeat"); // anything else in flight has arrived then
    this.expectOnceInOrder(receiver, client.received);
    expect(client.all("lost")).toEqual([]);
  }

  async #write(writer: string, client: Observed): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn++) {
      const to = this.#receivers[turn % this.#receivers.length] ?? "";
      const n = this.#sentTo(to, writer) + 1;
      await insist(() => client.client.send({ type: "n", to, data: { writer, n }, key: `${to} ${n}` }));
      this.#sent.set(`${writer} ${to}`, n);
      this.#count++;
      this.#wake();
      await sleep(PAUSE_MS);
    }
  }

  #sentTo(receiver: string, writer: string): number {
    return this.#sent.get(`${writer} ${receiver}`) ?? 0;
  }

  #wake(): void {
    const reached = this.#waiting.filter(({ count }) => count <= this.#count);
    this.#waiting = this.#waiting.filter(({ count }) => count > this.#count);
    for (const { resolve } of reached) resolve();
  }
}

/** Repeats what may succeed later; the key makes that harmless. */
const insist = <Answer extends object>(attempt: () => Promise<Answer>) =>
  eventually("a message is sent", () =>
    attempt().catch((error: unknown) => {
      if (!(error instanceof TidingsError) || !error.retryable) throw error;
      return undefined;
    }),
  );
