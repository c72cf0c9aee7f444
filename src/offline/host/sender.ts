import type { Client, Receipt, TidingsError } from "../../client/client.ts";
import { type Failure, IN_DOUBT, type ToTabs } from "../bus.ts";
import { type Entry, knownForMs, type Store } from "../store.ts";

export interface SenderPorts {
  /** The client, while it is logged in. */
  client(): Client | undefined;
  readonly store: Store;
  /** Milliseconds since the first attempt, after which a message is not sent again: the server forgets its key. */
  readonly repeatWithinMs: number;
  tell(frame: ToTabs): void;
}

/** Pause before a message is sent again that the server could not take, in milliseconds. */
const RETRY_MS = 1_000;

/** Pause before a database that does not work is tried again, in milliseconds. */
const REOPEN_MS = 5_000;

/** Sends the messages of the outbox in their order. A message stays there until its receipt. */
export class Sender {
  readonly #ports: SenderPorts;
  /** Keys of the messages that the client has. */
  readonly #sending = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #hasMore = false;
  #isStopped = false;

  constructor(ports: SenderPorts) {
    this.#ports = ports;
  }

  /** Sends what waits, if the client is logged in. */
  async flush(): Promise<void> {
    this.#hasMore = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#hasMore && !this.#isStopped && this.#ports.client()) {
      this.#hasMore = false;
      for (const entry of await this.#take().catch(() => this.#flushLater(REOPEN_MS))) void this.#send(entry);
    }
    this.#isReading = false;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #flushLater(delayMs: number): [] {
    clearTimeout(this.#timer);
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.flush(), delayMs);
    return [];
  }

  /** Marks the messages that wait as tried, before the server can have them. Messages that were tried too long ago fail. */
  async #take(): Promise<Entry[]> {
    const { store, repeatWithinMs, tell } = this.#ports;
    const doubtful: Entry[] = [];
    const due = await store.change((entries, put) =>
      entries.filter((entry) => {
        const { key, error, triedAt = Date.now() } = entry;
        if (error || this.#sending.has(key)) return false;
        const isDoubtful = knownForMs(triedAt, repeatWithinMs) <= 0;
        if (isDoubtful) doubtful.push(entry);
        put({ ...entry, triedAt, ...(isDoubtful && { error: IN_DOUBT }) });
        return !isDoubtful;
      }),
    );
    for (const { key } of doubtful) tell({ kind: "failed", key, error: IN_DOUBT });
    if (due[0] || doubtful[0]) tell({ kind: "outbox" });
    return due;
  }

  /** @param entry as it was before it was marked: without `triedAt` no connection has carried it */
  async #send({ key, message, triedAt }: Entry): Promise<void> {
    const client = this.#ports.client();
    if (!client || this.#isStopped) return;
    const { connection } = client;
    const { repeatWithinMs } = this.#ports;
    // The client, too, writes a message again after a reconnect: not longer than the server knows its key.
    const signal = AbortSignal.timeout(Math.max(1, knownForMs(triedAt ?? Date.now(), repeatWithinMs)));
    this.#sending.add(key);
    try {
      // It was checked by the type of `send` in its tab.
      const receipt = await client.send({ ...message, key } as Parameters<Client["send"]>[0], { signal });
      await this.#sent(key, message, receipt);
    } catch (error) {
      const isFirst = triedAt === undefined && connection === client.connection;
      // Calls reject with nothing else.
      await this.#refused(key, isFirst, signal.aborted ? IN_DOUBT : (error as TidingsError)).catch(() => {});
    }
    this.#sending.delete(key);
  }

  /** The tabs are told first: if this host ends before it removes the message, the next one sends it again and gets this receipt. */
  async #sent(key: string, message: object, receipt: Receipt): Promise<void> {
    this.#ports.tell({ kind: "sent", key, message, receipt });
    await this.#ports.store.update(key, () => undefined).catch(() => {});
    this.#ports.tell({ kind: "outbox" });
  }

  /** @param isFirst no other connection has carried the message */
  async #refused(key: string, isFirst: boolean, error: Failure & Partial<TidingsError>): Promise<void> {
    // The end of the session says nothing of its messages: they stay for the next visit.
    const { store, client, tell } = this.#ports;
    if (this.#isStopped || !client()) return;
    const { code, message, retryable, retryAfterMs } = error;
    // The next attempt finds out whether it is too late.
    if (retryable) {
      this.#flushLater(Math.max(RETRY_MS, retryAfterMs ?? 0));
      // A rate limit refuses before the server looks at the key, so it says nothing of earlier attempts.
      if (isFirst && code === "rate_limited")
        await store.update(key, (entry) => ({ ...entry, triedAt: undefined }));
      return;
    }
    const failure = { code, message };
    await store.update(key, (entry) => ({ ...entry, error: failure }));
    tell({ kind: "failed", key, error: failure });
    tell({ kind: "outbox" });
  }
}
